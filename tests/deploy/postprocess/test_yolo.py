"""The decoder against vectors computed by the vendor's own code, and its refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import FIT, Geometry
from deploy.postprocess.yolo import check_shapes, decode
from deploy.postprocess.yolo_config import YoloConfig, read_yolo_config
from deploy.sdk_codes import SdkFault

CONFIG = YoloConfig(2, (10.0, 13.0, 16.0, 30.0, 33.0, 23.0) * 3, 0.25, 0.3, 0.45)
GEOMETRY = Geometry(64, 64, 128, 128, FIT, 0.5)


def run(folder, case):
    data = np.load(folder / case["file"])
    tensors = [data[f"tensor{i}"] for i in range(case["n_tensors"])]
    if case["cfg_content"]:
        values = KeyValues.from_json(case["cfg_content"], "content")
    else:
        values = KeyValues.from_text((case["cfg"] or "").encode(), "cfg")
    geometry = Geometry(
        case["net_w"],
        case["net_h"],
        case["src_w"],
        case["src_h"],
        case["resize_type"],
        case["keep_aspect_ratio_scaling"],
    )
    return decode(tensors, read_yolo_config(values), geometry), data["expected"] if case["ret"] == 0 else None


@pytest.mark.parametrize(
    ("group", "at_least"),
    [
        pytest.param("r", 15, id="random heads: net sizes, class counts, resize types, thresholds"),
        pytest.param("e", 10, id="edges: ties, saturation, erased boxes, resize types"),
        pytest.param("c", 10, id="config behaviour and its error codes, silently partial results"),
        pytest.param("v", 2, id="YOLOv3 and v4 in their layouts"),
    ],
)
def test_vendor_vectors(shared, group, at_least):
    folder = shared / "golden" / "yolov5_post"
    cases = json.loads((folder / "cases.json").read_text())
    cases = {name: case for name, case in cases.items() if name.startswith(group)}
    assert len(cases) >= at_least
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


def heads(class_num=2, net=64):
    """Three maps in which nothing is found."""
    return [np.full((1, 3, net // s, net // s, 5 + class_num), -9, np.float32) for s in (8, 16, 32)]


def test_one_box_by_hand():
    tensors = heads()
    tensors[1][0, 2, 1, 3] = [0, 0, 0, 0, 9, -9, 9]  # stride 16, anchor 33 x 23, row 1, column 3
    (box,) = decode(tensors, CONFIG, GEOMETRY)
    # the centre of the cell is (56, 24) on the 64 px input; the right edge is clipped there, then all is doubled
    assert box.tolist() == pytest.approx([79, 25, 128, 71, 0.99975, 1], abs=1e-3)


def test_order_of_the_maps_does_not_matter():
    tensors = heads()
    tensors[0][0, 0, 2, 2] = tensors[2][0, 1, 1, 0] = [0, 0, 0, 0, 5, 5, -5]
    there, back = decode(tensors, CONFIG, GEOMETRY), decode(tensors[::-1], CONFIG, GEOMETRY)
    assert len(there) == 2
    assert sorted(there.tolist()) == sorted(back.tolist())


def test_nothing_found_is_an_empty_array():
    found = decode(heads(), CONFIG, GEOMETRY)
    assert found.shape == (0, 6)
    assert found.dtype == np.float32


def test_objectness_at_its_threshold_is_dropped():
    tensors = heads()
    tensors[1][0, 0, 1, 1] = [0, 0, 0, 0, 0, 9, -9]  # an objectness of exactly 0.5
    assert len(decode(tensors, replace(CONFIG, objectness_threshold=0.4999), GEOMETRY)) == 1
    assert len(decode(tensors, replace(CONFIG, objectness_threshold=0.5), GEOMETRY)) == 0


def test_a_map_without_anchors_ends_the_decoding_as_in_the_sdk():
    tensors = heads()
    tensors[0][0, 0, 2, 2] = [0, 0, 0, 0, 9, 9, -9]
    outside = np.full((1, 3, 1, 1, 7), -9, np.float32)  # stride 64: there is no group for it
    assert len(decode([tensors[0], outside, tensors[1]], CONFIG, GEOMETRY)) == 1
    assert len(decode([outside, tensors[0], tensors[1]], CONFIG, GEOMETRY)) == 0


def test_nan_is_no_detection():
    tensors = heads()
    tensors[0][:] = np.nan
    assert len(decode(tensors, CONFIG, GEOMETRY)) == 0


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        pytest.param([(1, 3, 8, 8, 7)] * 2, "2 outputs, YOLO_TYPE says 3", id="an output missing"),
        pytest.param([(1, 3, 8, 8, 8)] * 3, "CLASS_NUM=2", id="a class too many"),
        pytest.param([(1, 21, 8, 8)] * 3, "MODEL_TYPE=2", id="heads without the final permute"),
        pytest.param([(2, 3, 8, 8, 7)] * 3, "[1, 3, h, w, 7]", id="a batch of two"),
        pytest.param([(1, 4, 8, 8, 7)] * 3, "ANCHOR_DIM=3", id="four anchors"),
    ],
)
def test_wrong_shapes(shapes, sentence):
    with pytest.raises(SdkFault) as caught:
        check_shapes(shapes, CONFIG)
    assert caught.value.code == 1004
    assert sentence in caught.value.sentence
