"""AIPP files: the grammar."""

import pytest

from deploy.aipp.read import DEFAULTS, parse_aipp, read_aipp
from deploy.sdk_codes import SdkFault

MATRIX = [[256, 0, 359], [256, -88, -183], [256, 454, 0]]


def text(matrix=MATRIX, **changes):
    """A right file for a 128 x 96 net, with keys changed, or left out where None."""
    keys = {
        "aipp_mode": "static",
        "input_format": "YUV420SP_U8",
        "src_image_size_w": 128,
        "src_image_size_h": 96,
        "csc_switch": "true",
        **{f"matrix_r{r}c{c}": matrix[r][c] for r in range(3) for c in range(3)},
        **{f"input_bias_{i}": (0, 128, 128)[i] for i in range(3)},
        **{f"var_reci_chn_{i}": 0.0039217 for i in range(3)},
        **changes,
    }
    lines = [f"  {key} : {value}" for key, value in keys.items() if value is not None]
    return "aipp_op {\n" + "\n".join(lines) + "\n}\n"


def test_defaults_are_atcs():
    values = parse_aipp("aipp_op{}", "aipp.cfg")
    assert values == DEFAULTS
    assert (values["matrix_r0c0"], values["input_bias_0"], values["var_reci_chn_0"]) == (298, 16, 1.0)


def test_grammar_details():
    content = '# head\naipp_op{aipp_mode:static # mode\n input_format :"YUV420SP_U8"; mean_chn_0: 1,mean_chn_1:2\n}'
    values = parse_aipp(content, "aipp.cfg")
    assert (values["aipp_mode"], values["input_format"]) == ("static", "YUV420SP_U8")
    assert (values["mean_chn_0"], values["mean_chn_1"]) == (1, 2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param("", "line 1: expected aipp_op, found the end of the file", id="empty"),
        pytest.param("aipp_op\ncsc_switch: true", 'line 2: expected "{"', id="no brace"),
        pytest.param("aipp_op {\ncsc_swich: true\n}", 'did you mean "csc_switch"', id="misspelt key"),
        pytest.param("aipp_op {\ncsc_switch true\n}", 'line 2: expected ":"', id="no colon"),
        pytest.param("aipp_op {\ncsc_switch: yes\n}", "it is true or false", id="no boolean"),
        pytest.param("aipp_op {\nmean_chn_0: 1.5\n}", "a whole number", id="a fraction where none may be"),
        pytest.param("aipp_op {\nmin_chn_0: x\n}", "it is a number", id="no number"),
        pytest.param(
            "aipp_op {\nmean_chn_0: 1\nmean_chn_0: 1\n}", "line 3: mean_chn_0 was already set in line 2", id="twice"
        ),
        pytest.param("aipp_op {\nmean_chn_0: 1\n", "AIPP has no key the end of the file", id="never closed"),
        pytest.param("aipp_op {\naipp_mode:\n}", "no value", id="no value"),
        pytest.param("aipp_op { }\nx", "expected the end of the file", id="junk behind it"),
        pytest.param("aipp_op { $ }", "unexpected character '$'", id="a character outside the grammar"),
    ],
)
def test_wrong_files(content, sentence):
    with pytest.raises(SdkFault, match=r"aipp\.cfg: line \d") as caught:
        parse_aipp(content, "aipp.cfg")
    assert caught.value.code == 1004
    assert sentence in caught.value.sentence


def test_one_operator_only():
    with pytest.raises(SdkFault, match="one aipp_op") as caught:
        parse_aipp(text() * 2, "aipp.cfg")
    assert caught.value.code == 1005


def test_unreadable_file(tmp_path):
    with pytest.raises(SdkFault, match="cannot read the AIPP file") as caught:
        read_aipp(tmp_path)
    assert caught.value.code == 1019
