"""What build.sh says of ATC's errors."""

import pytest

from deploy.atc.remedies import explained


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
        pytest.param("EZ9999: Inner Error!", "numpy below 2", id="the operators' compiler"),
        pytest.param("E10052: AIPP configuration is invalid", "--source", id="AIPP"),
        pytest.param("E12345: what nobody knows", "plog", id="an unknown code"),
        pytest.param("Segmentation fault\nATC run failed, Please check", "Segmentation fault. What", id="no code"),
        pytest.param("", "it says nothing. What to do: read the plog", id="silence"),
        pytest.param("line with CODE10016x in it\nlast", "last. What to do", id="a code inside a word is none"),
    ],
)
def test_explained(output: str, sentence: str) -> None:
    assert sentence in explained(output)
