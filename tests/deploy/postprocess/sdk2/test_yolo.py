"""The old framework's decoders against vectors computed by the vendor's own code, and their quirks."""

import json
import re

import numpy as np
import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import FIT, STRETCH, Geometry
from deploy.postprocess.sdk2.config import read_sdk2_yolov3, read_sdk2_yolov5
from deploy.postprocess.sdk2.yolo import check_axes, check_outputs, check_shapes_v3, decode_v3, decode_v5
from deploy.sdk_codes import SdkFault

BIASES = "10,13,16,30,33,23,30,61,62,45,59,119,116,90,156,198,373,326"


def run(folder, case):
    data = np.load(folder / case["file"])
    tensors = [data[f"tensor{i}"] for i in range(len(case["shapes"]))]
    sizes = re.search(r"tensorSize is (\d+)", " ".join(case.get("first_error_log", [])))
    check_outputs(case["shapes"], value_bytes=int(sizes.group(1)) // tensors[0].size if sizes else 4)
    config = read_sdk2_yolov5(KeyValues.from_text(case["cfg"].encode(), "cfg"))
    check_axes(case["shapes"], config)
    geometry = Geometry(case["net_w"], case["net_h"], case["src_w"], case["src_h"], FIT, 0.0)
    return decode_v5(tensors, config, geometry, case["model_input_shape"][2]), data["expected"]


def test_vendor_vectors(shared):
    folder = shared / "golden" / "yolov5_post_old"
    cases = json.loads((folder / "cases.json").read_text())
    assert len(cases) >= 12
    for name, case in cases.items():
        if case["ret"]:
            with pytest.raises(SdkFault) as caught:
                run(folder, case)
            assert caught.value.code == case["ret"], name
            continue
        found, expected = run(folder, case)
        assert found.dtype == np.float32
        assert len(found) == len(expected), name
        np.testing.assert_array_equal(found[:, 5], expected[:, 4], err_msg=name)
        np.testing.assert_allclose(found[:, :4], expected[:, :4], rtol=0, atol=2e-2, err_msg=name)
        np.testing.assert_allclose(found[:, 4], expected[:, 5], rtol=0, atol=1e-4, err_msg=name)


def v5(**changes):
    return read_sdk2_yolov5(KeyValues({"CLASS_NUM": "3", "BIASES": BIASES, "MODEL_TYPE": "1", **changes}, "the.cfg"))


def v3(**changes):
    return read_sdk2_yolov3(KeyValues({"CLASS_NUM": "3", "BIASES": BIASES, "MODEL_TYPE": "1", **changes}, "the.cfg"))


def heads(shape=(1, 3, 4, 4, 8)):
    """Maps of a 128 px input in which one cell of the coarsest has class 1."""
    tensors = [np.full((1, 3, s, s, 8), -9, np.float32) for s in (16, 8, 4)]
    tensors[2][0, 0, 1, 2] = [0, 0, 0, 0, 9, -9, 9, -9]
    return tensors


def test_defaults_that_the_new_framework_does_not_have():
    config = read_sdk2_yolov5(KeyValues({"BIASES": BIASES}, "cfg"))
    assert (config.class_num, config.score_threshold, config.levels) == (2, 0.5, 3)
    assert (config.objectness_threshold, config.iou_threshold) == pytest.approx((0.3, 0.45))


@pytest.mark.parametrize(
    ("biases", "found"),
    [
        pytest.param("10,13", 2, id="too few"),
        pytest.param("10, " + BIASES, 1, id="cut at a blank"),
        pytest.param(BIASES.replace(",", ",,", 1), 18, id="an empty item, which the new framework skips"),
        pytest.param(BIASES + ",", 18, id="a comma at the end"),
    ],
)
def test_wrong_biases(biases, found):
    with pytest.raises(SdkFault, match=rf"the\.cfg: BIASES_NUM says 18 numbers, BIASES has {found}") as caught:
        v5(BIASES=biases)
    assert caught.value.code == 1004


def test_the_resize_type_does_not_count_for_yolov5():
    expected = None
    for resize_type in (FIT, STRETCH):
        (row,) = decode_v5(heads(), v5(), Geometry(128, 128, 256, 128, resize_type, 0.5), 128)
        expected = row.tolist() if expected is None else expected
        assert row.tolist() == expected
    # cell (2, 1) of 32 px and an anchor of 116 x 90, twice as large in the image, cut off at its edges
    assert expected[:4] == pytest.approx([(80 - 58) * 2, (48 - 45) * 2, 256, 128], abs=0.01)


def test_resize_flag_corrects_for_a_centred_letterbox_and_then_scales_again():
    geometry = Geometry(128, 128, 256, 128, FIT, 0.5)
    plain = decode_v5(heads(), v5(), geometry, 128)[0]
    corrected = decode_v5(heads(), v5(RESIZE_FLAG="1"), geometry, 128)[0]
    assert corrected[[0, 2]].tolist() == plain[[0, 2]].tolist()
    # the content is 64 px high in the middle: y = (48 - 32) / 64, height 90 / 64, then times 256
    assert corrected[1] == pytest.approx(0)
    assert corrected[3] == pytest.approx(128)


def test_faults_of_shapes():
    with pytest.raises(SdkFault, match="has 2 outputs") as caught:
        check_outputs([(1, 3, 4, 4, 8)] * 2)
    assert caught.value.code == 1001
    with pytest.raises(SdkFault, match="four axes") as caught:
        check_outputs([(1, 3, 4)] * 3)
    assert caught.value.code == 1001
    with pytest.raises(SdkFault) as caught:
        check_axes([(1, 3, 4, 4), (1, 3, 4)], v5())
    assert caught.value.code == 1009
    with pytest.raises(SdkFault, match="too small for CLASS_NUM=4") as caught:
        decode_v5(heads(), v5(CLASS_NUM="4"), Geometry(128, 128, 128, 128, FIT, 1.0), 128)
    assert caught.value.code == 1004
    with pytest.raises(SdkFault, match="no anchors among BIASES") as caught:
        decode_v5(heads(), v5(YOLO_TYPE="4"), Geometry(128, 128, 128, 128, FIT, 1.0), 128)
    assert caught.value.code == 1


def heads_v3():
    tensors = [np.full((1, 24, s, s), -9, np.float32) for s in (16, 8, 4)]
    tensors[2].reshape(3, 8, 4, 4)[0, :, 1, 2] = [0, 0, 0, 0, 9, -9, 9, -9]
    return tensors


@pytest.mark.parametrize(
    ("resize_type", "ratio", "box"),
    [
        # the anchor is 116 x 90 px around (80, 48) on an input of 128 px
        pytest.param(STRETCH, 0.0, [44, 3, 256, 93], id="stretched: each axis by its own factor"),
        pytest.param(FIT, 0.5, [44, 6, 256, 128], id="one ratio, clipped to the image"),
        pytest.param(3, 1.0, [22 / 128, 3 / 128, 1, 93 / 128], id="a type without a rule stays in 0..1"),
    ],
)
def test_yolov3_is_mapped_by_resize_type(resize_type, ratio, box):
    (row,) = decode_v3(heads_v3(), v3(), Geometry(128, 128, 256, 128, resize_type, ratio), 128)
    assert row.tolist() == pytest.approx([*box, 0.99975, 1], abs=2e-2)


def test_yolov3_scales_the_wrong_axes_on_a_net_that_is_not_square():
    tensors = [np.full((1, 24, s, 2 * s), -9, np.float32) for s in (16, 8, 4)]
    tensors[2].reshape(3, 8, 4, 8)[0, :, 1, 2] = [0, 0, -5, -5, 9, -9, 9, -9]
    (row,) = decode_v3(tensors, v3(), Geometry(256, 128, 256, 128, FIT, 1.0), 256)
    # around (80, 48): y0 is scaled by the width 256, x1 by the height 128
    assert row[0] == pytest.approx(80, abs=1)
    assert row[1] == pytest.approx(96, abs=1)
    assert row[2] == pytest.approx(40, abs=1)
    assert row[3] == pytest.approx(48, abs=1)


def test_yolov3_without_anchors_finds_nothing_and_says_nothing():
    assert len(decode_v3(heads_v3(), v3(YOLO_TYPE="4"), Geometry(128, 128, 128, 128, FIT, 1.0), 128)) == 0


def test_thresholds_of_yolov3s_classes_are_strict():
    geometry = Geometry(128, 128, 128, 128, FIT, 1.0)
    score = decode_v3(heads_v3(), v3(), geometry, 128)[0, 4]
    for least, count in ((f"{score:.9g}", 0), (f"{np.nextafter(score, np.float32(0)):.9g}", 1)):
        config = v3(SEPARATE_SCORE_THRESH=f"0,{least},0")
        assert len(decode_v3(heads_v3(), config, geometry, 128)) == count


@pytest.mark.parametrize(
    ("changes", "shape", "code"),
    [
        pytest.param({}, (1, 24, 16, 16), 0, id="fits"),
        pytest.param({"CLASS_NUM": "4"}, (1, 24, 16, 16), 1004, id="another class count"),
        pytest.param({}, (1, 24, 15, 16), 1004, id="no multiple of the input's height by 32"),
        pytest.param({"CHECK_MODEL": "false", "CLASS_NUM": "4"}, (1, 24, 16, 16), 0, id="the check is switched off"),
        pytest.param({"YOLO_TYPE": "2"}, (1, 24, 16, 16), 1001, id="another number of outputs"),
        pytest.param({"MODEL_TYPE": "0"}, (1, 16, 16, 3, 8), 0, id="channels last, in two axes"),
    ],
)
def test_yolov3s_shape_check(changes, shape, code):
    if not code:
        check_shapes_v3([shape] * 3, (1, 128, 128, 3), v3(**changes))
        return
    with pytest.raises(SdkFault) as caught:
        check_shapes_v3([shape] * 3, (1, 128, 128, 3), v3(**changes))
    assert caught.value.code == code


def test_mindspores_kind_of_yolov3_runs_on_the_board_only():
    with pytest.raises(SdkFault, match="MindSpore") as caught:
        v3(FRAMEWORK_TYPE="1")
    assert caught.value.code == 1005


def test_a_map_coarser_than_stride_32_has_no_level():
    # half a level down would be the third group of anchors, but the quotient is a whole number: 0
    tensors = heads()[2:]
    with pytest.raises(SdkFault) as caught:
        decode_v5(tensors, v5(YOLO_TYPE="1"), Geometry(256, 256, 256, 256, FIT, 1.0), 256)
    assert caught.value.code == 1
    assert len(decode_v5(tensors, v5(YOLO_TYPE="1"), Geometry(128, 128, 128, 128, FIT, 1.0), 128)) == 1
