"""What build.sh says of ATC's errors: the innermost reason, and what to do about it."""

import pytest

from deploy.atc.remedies import PLOG, remedy
from deploy.atc.said import explained

BANNER = "ATC start working now, please wait for a moment.\n...\nATC run failed, Please check the detail log\n"
CHAIN = """        Solution: 1. Check the log.  2. Send the dump.
        TraceBack (most recent call last):
        The shape of score cannot be negative.[FUNC:IdxValueConstNode][FILE:pass.cc][LINE:121]
        generate const value of idx fail[FUNC:Fusion][FILE:pass.cc][LINE:211]
"""


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        pytest.param(
            "ATC start working now\nE10001: Value Ascend31 for parameter --soc_version is invalid.\nATC run failed, x",
            "E10001: Value Ascend31 for parameter --soc_version is invalid. What to do: a value does not fit",
            id="the line with the code, not the last one",
        ),
        pytest.param(
            "[ERROR] E19010: No parser is registered for Op [r, optype [ai.onnx::13::Resize]].",
            "export with opset 11",
            id="an opset too new, in the words of CANN 5",
        ),
        pytest.param('E16002: No ONNX parser is registered for optype "X"', "export with opset 11", id="in today's"),
        pytest.param("EZ9999: Inner Error!", "numpy below 2", id="the operators' compiler, which says nothing"),
        pytest.param("E10052: AIPP configuration is invalid", "--source", id="AIPP"),
        pytest.param("EQ2345: what nobody knows", f"What to do: {PLOG}", id="an unknown code"),
        pytest.param("Segmentation fault\nATC run failed, Please check", "Segmentation fault. What", id="no code"),
        pytest.param("", "it says nothing. What to do: read the plog", id="silence"),
        pytest.param(BANNER, "it says nothing. What to do", id="nothing but the banner"),
        pytest.param("line with CODE10016x in it\nlast", "last. What to do", id="a code inside a word is none"),
        pytest.param(
            f"{BANNER}E89999: Inner Error!\nE89999 op[Add_1], type1:DT_INT64, type2:DT_INT32, The Add_1 op dtype is "
            "not same[FUNC:Check][FILE:util.cc][LINE:103]\nVerifying Add_1 failed.[FUNC:I][FILE:i.cc][LINE:1]\n",
            "E89999: op[Add_1], type1:DT_INT64, type2:DT_INT32, The Add_1 op dtype is not same. What to do: an "
            "operator gets two number types; often one of them is TopK's",
            id="the line behind an empty one, without its place in the source",
        ),
        pytest.param(
            f"{BANNER}EZ9999: [PID: 12] 2026-01-21-18:33:07.914.556 Inner Error!\n"
            "        TraceBack (most recent call last):\n        No module named 'decorator'\n        outer\n",
            "EZ9999: No module named 'decorator'. What to do: an operator could not be compiled for the chip because "
            "of the Python",
            id="Python, where the log names it",
        ),
        pytest.param(
            f"{BANNER}EZ9999: Inner Error!\nEZ9999: [PID: 12] 2026-01-21-18:33:07.914.556 Tiling failed\n",
            "EZ9999: Tiling failed. What to do: the line names the operator",
            id="no Python, where the log names another cause",
        ),
        pytest.param(
            f"{BANNER}E40021: Failed to compile Op [Slice_3]. (oppath: x, optype: [StridedSliceD])\n"
            "        Solution: See the host log.\n        TraceBack (most recent call last):\n"
            '        File "a.py", line 3, in f\n        AttributeError: module numpy has no attribute float_\n',
            "Failed to compile Op [Slice_3]. (oppath: x, optype: [StridedSliceD]): AttributeError: module numpy",
            id="the last line of Python's own chain",
        ),
        pytest.param(
            f"{BANNER}E20007: Failed to run graph fusion pass [NonMaxSuppressionV6Fusion].\n{CHAIN}",
            "E20007: Failed to run graph fusion pass [NonMaxSuppressionV6Fusion]: The shape of score cannot be "
            "negative. What to do: cut the graph at its raw heads",
            id="the first line of CANN's chain of callers",
        ),
        pytest.param(
            f"{BANNER}E19999: Inner Error!\nE19999  Call build failed\nE10016: Opname [x] is not found in the model.",
            "E10016: Opname [x] is not found in the model. What to do: a name in",
            id="a code that says more than an inner error",
        ),
        pytest.param(
            "W11001: Op c does not hit the high-priority operator information library\nE10022: a path\n",
            "E10022: a path. What to do",
            id="a warning does not end it",
        ),
        pytest.param("W11001: Op c does not hit", "slowly: no kernel made for this chip", id="only a warning"),
        pytest.param(
            "E70014: In op[aipp], output H",
            "E70014: In op[aipp], output H. What to do: an operator's own",
            id="the checks of operators",
        ),
    ],
)
def test_explained(output: str, sentence: str) -> None:
    assert sentence in explained(output)


@pytest.mark.parametrize(
    ("case", "name", "sentence", "never"),
    [
        pytest.param("07", "atc_says", "ATC takes one: `bash run.sh compress lint` --fix", "too new", id="two opsets"),
        pytest.param("08", "e89999", "type1:DT_INT64, type2:DT_INT32. What", "Inner Error", id="behind Inner Error!"),
        pytest.param("08", "ez9999", "dtype DT_DOUBLE. What to do: this CANN has no kernel", "numpy", id="no Python"),
        pytest.param(
            "10",
            "atc_says",
            "[NonMaxSuppression_312], optype [NonMaxSuppressionV6]. What to do: this CANN "
            "has no kernel of that operator for that chip",
            "plog",
            id="no kernel",
        ),
    ],
)
def test_reported_failures(shared, case: str, name: str, sentence: str, never: str) -> None:
    text = (shared / "cases" / f"case{case}" / f"{name}.txt").read_text()
    assert sentence in explained(text) and never not in explained(text)


@pytest.mark.parametrize("code", ["EZ3001", "EZ3002", "EZ3003"])
def test_a_kernel_that_is_not_there(code: str) -> None:
    assert "no kernel of that operator for that chip" in remedy(code, "Optype [X] of Ops kernel [Y] is unsupported")


@pytest.mark.parametrize("code", ["E10056", "E13000", "E14001", "E40002", "EB0500", "EZ0001", "EZ0501", "W11003"])
def test_the_registrys_codes_have_a_remedy(code: str) -> None:
    assert remedy(code) not in ("", PLOG)
