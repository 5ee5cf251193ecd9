"""YOLOv5 of any levels: boxes as the SDK's decoder finds them where it can, else as the rule says, box by box."""

import math

import numpy as np
import pytest

from deploy.postprocess import yolo
from deploy.postprocess.anchor_based import AnchorBasedPostProcess, decode, read_anchor_based_config
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import FIT, STRETCH, Geometry
from deploy.postprocess.yolo_config import YoloConfig
from deploy.sdk_codes import SdkFault

WHOLE = Geometry(192, 128, 192, 128, STRETCH, 0.0)
PAIRS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (90, 80), (99, 99))


def config(strides, anchors, classes=3, score=0.3, iou=0.99):
    count = len(strides) * anchors
    biases = tuple(float(side) for i in range(count) for side in PAIRS[i % len(PAIRS)])
    return YoloConfig(classes, biases, score, score, iou, (), len(strides), anchors)


def heads(strides, anchors, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(1, anchors, 128 // stride, 192 // stride, 5 + classes) for stride in strides]
    return [rng.normal(-0.5, 1.5, shape).astype(np.float32) for shape in shapes]


def by_hand(tensors, strides, of):
    """[x0, y0, x1, y1, score, class] in pixels of the input, clipped, class by class and by falling score."""
    found = []
    for level, (tensor, stride) in enumerate(zip(tensors, strides)):
        for anchor, row, column in np.ndindex(*tensor.shape[1:4]):
            x, y, w, h, objectness, *classes = (1 / (1 + math.exp(-v)) for v in tensor[0, anchor, row, column].tolist())
            place = (level * of.anchors_per_level + anchor) * 2
            best = max(classes)
            if objectness > of.objectness_threshold and best * objectness > of.score_threshold:
                centre = ((column + 2 * x - 0.5) * stride, (row + 2 * y - 0.5) * stride)
                width, height = (2 * w) ** 2 * of.biases[place], (2 * h) ** 2 * of.biases[place + 1]
                corners = (centre[0] - width / 2, centre[1] - height / 2, centre[0] + width / 2, centre[1] + height / 2)
                found.append([*corners, best * objectness, classes.index(best)])
    out = np.array(sorted(found, key=lambda one: (one[5], -one[4])))
    out[:, :2], out[:, 2:4] = np.maximum(out[:, :2], 0), np.minimum(out[:, 2:4], [192, 128])
    return out


@pytest.mark.parametrize(
    ("strides", "anchors"),
    [
        pytest.param((8, 16, 32, 64), 3, id="P6"),
        pytest.param((4, 8, 16, 32), 3, id="P2"),
        pytest.param((8, 16), 3, id="P34"),
        pytest.param((16, 32), 3, id="YOLOv3-tiny"),
        pytest.param((8, 16, 32), 5, id="more anchors than the SDK has room for"),
        pytest.param((64,), 1, id="one level, one anchor"),
    ],
)
def test_boxes_are_those_of_the_rule(strides, anchors):
    tensors, of = heads(strides, anchors), config(strides, anchors)
    expected = by_hand(tensors, strides, of)
    shuffled = [tensors[i] for i in np.random.default_rng(1).permutation(len(tensors))]
    found = decode(shuffled, of, WHOLE)
    kept = decode(tensors, config(strides, anchors, iou=0.45), WHOLE)
    assert 0 < len(kept) < len(found) or len(found) < 3, "NMS takes some away"
    distances = np.abs(found[:, None] - expected[None]).max(2)
    assert distances.min(1).max() < 2e-2, "each box is one of the rule; some of the rule's lie over each other"
    assert len(found) > 0.8 * len(expected)


def test_three_levels_are_decoded_as_by_the_sdk():
    tensors, of = heads((8, 16, 32), 3), config((8, 16, 32), 3, iou=0.45)
    geometry = Geometry(192, 128, 300, 200, FIT, 0.64)
    np.testing.assert_array_equal(decode(tensors, of, geometry), yolo.decode(tensors, of, geometry))


def test_nothing_found():
    quiet = [np.full_like(tensor, -20) for tensor in heads((8, 16), 3)]
    assert decode(quiet, config((8, 16), 3), WHOLE).shape == (0, 6)


TEXT = (
    "CLASS_NUM=3\nBIASES_NUM=12\nBIASES=10,13,16,30,33,23,30,61,62,45,59,119\nSCORE_THRESH=0.3\nYOLO_TYPE=2\n"
    "ANCHOR_DIM=3\nYOLO_VERSION=5\nMODEL_TYPE=2\nFRAMEWORK=PyTorch\n"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("YOLO_TYPE=2", "YOLO_TYPE=3", "YOLO_TYPE=3 levels of ANCHOR_DIM=3 anchors have 18", id="a level"),
        pytest.param("ANCHOR_DIM=3", "ANCHOR_DIM=2", "ANCHOR_DIM=2 anchors have 8", id="an anchor too few"),
        pytest.param(
            "YOLO_VERSION=5\nMODEL_TYPE=2\nFRAMEWORK=PyTorch",
            "YOLO_VERSION=3\nMODEL_TYPE=0",
            "YOLO_VERSION=3 with MODEL_TYPE=0; anchor_based.py decodes YOLO_VERSION=5 with MODEL_TYPE=2",
            id="YOLOv3's rule",
        ),
        pytest.param("CLASS_NUM=3\n", "", "CLASS_NUM", id="no number of classes"),
    ],
)
def test_configs_that_do_not_fit(old, new, message):
    assert old in TEXT
    with pytest.raises(SdkFault, match=message):
        read_anchor_based_config(KeyValues.from_text(TEXT.replace(old, new).encode(), "cfg"))


def test_post_processor_gives_objects_and_refuses_other_heads(tmp_path):
    (tmp_path / "cfg").write_text(TEXT)
    (tmp_path / "names").write_text("a\nb\nc\n")
    post = AnchorBasedPostProcess(str(tmp_path / "cfg"), str(tmp_path / "names"))
    tensors = heads((8, 16), 3)
    post.check_shapes([tensor.shape for tensor in tensors])
    with pytest.raises(SdkFault, match="the model has 3 outputs, YOLO_TYPE says 2"):
        post.check_shapes([tensor.shape for tensor in heads((8, 16, 32), 3)])

    class Info:
        widthResize, heightResize, widthOriginal, heightOriginal = 192, 128, 192, 128
        resizeType, keepAspectRatioScaling = STRETCH, 0.0

    (found,) = post.process(tensors, [Info()])
    expected = decode(tensors, post.config, WHOLE)
    assert len(found) == len(expected) > 0
    assert [o.className for o in found] == ["abc"[int(row[5])] for row in expected]
    assert [o.confidence for o in found] == pytest.approx(expected[:, 4].tolist())
