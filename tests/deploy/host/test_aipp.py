"""AIPP files: the grammar, and what the host engine makes of the values."""

import pytest

from deploy.host.aipp import DEFAULTS, normalisation, parse_aipp, read_aipp
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


def rule(content):
    return normalisation(parse_aipp(content, "aipp.cfg"), 128, 96, "aipp.cfg")


def test_rgb():
    found = rule(text())
    assert not found.bgr
    assert found.offsets == (0, 0, 0)
    assert found.scales == (0.0039217,) * 3


def test_bgr_mean_and_min():
    found = rule(text(MATRIX[::-1], mean_chn_0=104, mean_chn_1=117, mean_chn_2=123, min_chn_2=0.5, var_reci_chn_1=1))
    assert found.bgr
    assert found.offsets == (104, 117, 123.5)
    assert found.scales == (0.0039217, 1, 0.0039217)


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


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        pytest.param(text(aipp_mode="dynamic"), 1005, "aipp_mode: static", id="dynamic"),
        pytest.param(text(aipp_mode=None), 1005, "aipp_mode is not set", id="no mode"),
        pytest.param(text(input_format="RGB888_U8"), 1005, "YUV420SP_U8", id="another input format"),
        pytest.param(text(csc_switch=None), 1005, "csc_switch: true", id="no colour conversion"),
        pytest.param(text(crop="true"), 1005, "crop: false", id="crop"),
        pytest.param(text(rbuv_swap_switch="true"), 1005, "rbuv_swap_switch", id="NV21"),
        pytest.param(text(src_image_size_w=320), 1004, "320 x 96; the model takes 128 x 96", id="another size"),
        pytest.param(text(matrix_r0c0=298), 1005, "not the JPEG one", id="the matrix of videos"),
        pytest.param(text(input_bias_0=16), 1005, "not the JPEG one", id="the bias of videos"),
        pytest.param(text() * 2, 1005, "one aipp_op", id="two inputs"),
    ],
)
def test_what_the_host_engine_does_not_run(content, code, sentence):
    with pytest.raises(SdkFault) as caught:
        rule(content)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_size_zero_means_the_models_size():
    assert rule(text(src_image_size_w=None, src_image_size_h=0)).scales


def test_the_bundles_file(tiny_bundle):
    path = tiny_bundle((96, 128)) / "aipp.cfg"
    assert normalisation(read_aipp(path), 128, 96, str(path)).scales == (0.00392157,) * 3


def test_unreadable_file(tmp_path):
    with pytest.raises(SdkFault, match="cannot read the AIPP file") as caught:
        read_aipp(tmp_path)
    assert caught.value.code == 1019
