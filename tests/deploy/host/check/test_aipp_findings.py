"""What the check finds in an AIPP file."""

import pytest

from deploy.host.check.aipp_findings import aipp_findings

MATRIX = (256, 0, 359, 256, -88, -183, 256, 454, 0)
KEYS = {
    "aipp_mode": "static",
    "input_format": "YUV420SP_U8",
    "src_image_size_w": "320",
    "src_image_size_h": "320",
    "csc_switch": "true",
    **{f"matrix_r{i // 3}c{i % 3}": str(MATRIX[i]) for i in range(9)},
    **{f"input_bias_{i}": str((0, 128, 128)[i]) for i in range(3)},
    **{f"var_reci_chn_{i}": "0.00392157" for i in range(3)},
}


def text(**changes):
    keys = {key: value for key, value in {**KEYS, **changes}.items() if value is not None}
    return "aipp_op {\n" + "".join(f"{key} : {value}\n" for key, value in keys.items()) + "}\n"


def line_of(content, key):
    return next(number for number, line in enumerate(content.split("\n"), 1) if line.startswith(f"{key} "))


def test_nothing_to_find():
    values, found = aipp_findings(text(), "aipp.cfg")
    assert values["src_image_size_w"] == 320
    assert found == []


NO_MATRIX = {f"matrix_r{i // 3}c{i % 3}": None for i in range(9)}
BGR = {f"matrix_r{i // 3}c{i % 3}": str(value) for i, value in enumerate((256, 454, 0, 256, -88, -183, 256, 0, 359))}
VIDEO = {f"matrix_r{i // 3}c{i % 3}": str(value) for i, value in enumerate((298, 0, 409, 298, -100, -208, 298, 516, 0))}


@pytest.mark.parametrize(
    ("changes", "key", "severity", "sentence"),
    [
        pytest.param({"aipp_mode": "moving"}, "aipp_mode", "error", "static or dynamic", id="mode"),
        pytest.param({"aipp_mode": "dynamic"}, "", "error", "max_src_image_size is missing", id="dynamic"),
        pytest.param({"input_format": "NV12"}, "input_format", "error", "expected one of YUV420SP_U8, ", id="format"),
        pytest.param({"input_format": None}, "", "error", "input_format is missing", id="no format"),
        pytest.param({"src_image_size_h": "321"}, "src_image_size_h", "error", "even", id="odd height"),
        pytest.param({"src_image_size_w": "324"}, "src_image_size_w", "warning", "multiple of 16", id="width"),
        pytest.param({"src_image_size_w": "5000"}, "src_image_size_w", "error", "from 0 to 4096", id="too wide"),
        pytest.param({"src_image_size_w": None}, "src_image_size_h", "error", "together", id="half a size"),
        pytest.param(
            {"crop": "true", "src_image_size_w": None, "src_image_size_h": None}, "crop", "error", "needs", id="crop"
        ),
        pytest.param({"left_padding_size": "40"}, "left_padding_size", "error", "from 0 to 32", id="padding"),
        pytest.param({"mean_chn_0": "300"}, "mean_chn_0", "error", "from 0 to 255", id="mean"),
        pytest.param({"csc_switch": "false"}, "csc_switch", "warning", "Y, U and V", id="no conversion"),
        pytest.param(NO_MATRIX, "csc_switch", "warning", "without a matrix", id="ATC's own matrix: CANN's example"),
        pytest.param(VIDEO, "matrix_r0c0", "warning", "not that of JPEG", id="matrix of videos"),
        pytest.param({"input_bias_0": "16"}, "input_bias_0", "error", "input_bias is 16", id="bias of videos"),
        pytest.param(BGR, "matrix_r0c0", "note", "BGR", id="BGR"),
        pytest.param({f"var_reci_chn_{i}": None for i in range(3)}, "", "warning", "0 to 255", id="no scale"),
        pytest.param({"var_reci_chn_1": "1"}, "", "error", "for some channels", id="half a scale"),
        pytest.param({"crop_swich": "true"}, "crop_swich", "error", "AIPP has no key", id="misspelt key"),
        pytest.param({"resize": "true"}, "resize", "warning", "reserved", id="reserved"),
        pytest.param({"support_rotation": "true"}, "support_rotation", "warning", "reserved", id="CANN's template"),
        pytest.param(
            {"related_input_rank": "0", "related_input_name": '"x"'},
            "related_input_name",
            "error",
            "exclude each other",
            id="two names of the input",
        ),
    ],
)
def test_findings(changes, key, severity, sentence):
    content = text(**changes)
    found = [one for one in aipp_findings(content, "aipp.cfg")[1] if sentence in one.sentence]
    assert [(one.line, one.severity) for one in found] == [(line_of(content, key) if key else 0, severity)]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"support_rotation": "false"}, id="support_rotation: reserved in CANN's template of aipp.cfg"),
        pytest.param({"cpadding_value": "0.0"}, id="cpadding_value: aipp_comm.py of CANN's operators"),
    ],
)
def test_keys_of_cann(changes):
    assert aipp_findings(text(**changes), "aipp.cfg")[1] == []


def test_comments_may_be_written_in_any_encoding():
    values, found = aipp_findings("# 输入\n".encode("gbk") + text().encode(), "aipp.cfg")
    assert (values is None, found) == (False, [])
    _, (one,) = aipp_findings(text(aipp_mode="st\xe4tic").encode("latin-1"), "aipp.cfg")
    assert (one.line, "unexpected character" in one.sentence) == (2, True)


def test_a_key_twice_names_both_lines():
    content = text().replace("csc_switch : true\n", "csc_switch : true\ncsc_switch : true\n")
    values, (one,) = aipp_findings(content, "aipp.cfg")
    assert values is None
    assert (one.line, one.severity) == (7, "error")
    assert "already set in line 6" in one.sentence


def test_two_inputs_are_right_for_atc():
    values, (one,) = aipp_findings(text() * 2, "aipp.cfg")
    assert (values, one.severity) == (None, "note")
