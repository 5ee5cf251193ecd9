"""YOLOv8's heads, against the formula written down box by box in float64."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from deploy.postprocess.anchor_free import pair_heads
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import FIT, STRETCH, Geometry
from deploy.postprocess.nms import iou_matrix
from deploy.postprocess.yolov8 import Yolov8Config, Yolov8PostProcess, decode, read_yolov8_config
from deploy.sdk_codes import SdkFault

SIZES = ((8, 12), (4, 6), (2, 3))  # of a 96 x 64 px input
WHOLE = Geometry(96, 64, 96, 64, STRETCH, 0.0)


def random_heads(class_num, seed=0):
    """Six heads of [1, 64, h, w] and [1, classes, h, w]."""
    rng = np.random.default_rng(seed)
    heads = []
    for height, width in SIZES:
        heads.append(rng.normal(0, 3, (1, 64, height, width)).astype(np.float32))
        heads.append(rng.normal(-3, 2, (1, class_num, height, width)).astype(np.float32))
    return heads


def by_hand(heads, score_threshold):
    """All boxes above the threshold before suppression: [x0, y0, x1, y1, score, class] in pixels of the input."""
    found = []
    for level, (height, width) in enumerate(SIZES):
        box, kind = heads[2 * level][0].astype(float), heads[2 * level + 1][0].astype(float)
        stride = 64 / height
        for row in range(height):
            for column in range(width):
                scores = [1 / (1 + math.exp(-logit)) for logit in kind[:, row, column]]
                best = max(range(len(scores)), key=scores.__getitem__)
                if scores[best] <= score_threshold:
                    continue
                sides = []
                for side in range(4):
                    weights = [math.exp(logit) for logit in box[16 * side : 16 * side + 16, row, column]]
                    sides.append(sum(i * weight for i, weight in enumerate(weights)) / sum(weights) * stride)
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                found.append([x - sides[0], y - sides[1], x + sides[2], y + sides[3], scores[best], best])
    return found


def suppressed(boxes, iou_threshold):
    """Class by class, the best first; then clipped to the input."""
    kept = []
    for box in sorted(boxes, key=lambda box: (box[5], -box[4])):
        pair = np.array([box[:4]], np.float32)
        better = [other for other in kept if other[5] == box[5]]
        if all(iou_matrix(np.array([other[:4]], np.float32), pair)[0, 0] <= iou_threshold for other in better):
            kept.append(box)
    out = np.array(kept)
    out[:, :4] = np.clip(out[:, :4], 0, [96, 64, 96, 64])
    return out


@pytest.mark.parametrize(
    ("class_num", "score", "iou"),
    [
        pytest.param(3, 0.2, 0.5, id="three classes"),
        pytest.param(1, 0.05, 0.7, id="one class, many boxes"),
        pytest.param(80, 0.5, 0.7, id="eighty classes"),
        pytest.param(64, 0.5, 0.7, id="as many classes as box channels: the first of a level is the box branch"),
        pytest.param(2, 0.01, 1.0, id="nothing is suppressed"),
    ],
)
def test_agrees_with_the_formula(class_num, score, iou):
    heads = random_heads(class_num)
    expected = suppressed(by_hand(heads, score), iou)
    found = decode(heads, Yolov8Config(class_num, score, iou), WHOLE)
    assert len(expected) > 10
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found[:, 5], expected[:, 5])
    np.testing.assert_allclose(found[:, :4], expected[:, :4], atol=1e-3)
    np.testing.assert_allclose(found[:, 4], expected[:, 4], atol=1e-6)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param((0, 2, 4, 1, 3, 5), id="boxes first, as one exporter orders them"),
        pytest.param((5, 4, 3, 2, 1, 0), id="backwards"),
    ],
)
def test_the_order_of_outputs_does_not_matter(order):
    heads = random_heads(3)
    config = Yolov8Config(3, 0.2, 0.5)
    expected = decode(heads, config, WHOLE)
    assert decode([heads[i] for i in order], config, WHOLE).tolist() == expected.tolist()


def test_mapping_to_the_image():
    heads = random_heads(3)
    config = Yolov8Config(3, 0.2, 0.5)
    plain = decode(heads, config, WHOLE)
    mapped = decode(heads, config, Geometry(96, 64, 192, 60, FIT, 0.5))
    expected = plain[plain[:, 1] * 2 <= 60]
    expected[:, :4] *= 2
    np.minimum(expected[:, 3], 60, out=expected[:, 3])
    np.testing.assert_allclose(mapped, expected, atol=1e-4)
    assert len(mapped) < len(plain)


def test_score_at_the_threshold_is_dropped():
    heads = [np.zeros((1, 64, 2, 3), np.float32), np.full((1, 2, 2, 3), -9, np.float32)]
    heads[1][0, 1, 0, 0] = 0  # a score of exactly 0.5
    assert len(decode(heads, Yolov8Config(2, 0.4999), WHOLE)) == 1
    assert len(decode(heads, Yolov8Config(2, 0.5), WHOLE)) == 0
    assert len(decode(heads, Yolov8Config(2, 0.4, separate_scores=(0.1, 0.6)), WHOLE)) == 0


def test_nothing_and_nan_are_no_detections():
    heads = random_heads(3)
    for value in (-20, np.nan):
        for kind in heads[1::2]:
            kind[:] = value
        assert decode(heads, Yolov8Config(3), WHOLE).shape == (0, 6)


@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param([], id="no outputs"),
        pytest.param([(1, 64, 4, 4)], id="a class branch missing"),
        pytest.param([(1, 64, 4, 4), (1, 4, 4, 4)], id="another class count"),
        pytest.param([(1, 64, 4, 4), (1, 3, 8, 8)], id="sizes that do not pair"),
        pytest.param([(1, 7, 8400)], id="a finished export"),
        pytest.param([(1, 64, 4, 4), (1, 3, 4, 4), (1, 3, 4, 4)], id="one too many"),
    ],
)
def test_outputs_that_do_not_pair(shapes):
    with pytest.raises(SdkFault, match="head with CLASS_NUM=3 and REG_MAX=16 has") as caught:
        pair_heads(shapes, 3)
    assert caught.value.code == 1004


def test_config():
    config = read_yolov8_config(KeyValues.from_text(b"CLASS_NUM=3\nSCORE_THRESH=0.4 # high\nIOU_THRESH=0.5\n", "cfg"))
    assert (config.class_num, config.iou_threshold) == (3, 0.5)
    assert config.score_threshold == pytest.approx(0.4)
    with pytest.raises(SdkFault, match=r"cfg: CLASS_NUM is missing") as caught:
        read_yolov8_config(KeyValues({}, "cfg"))
    assert caught.value.code == 1016


class BoardTensor:
    """As the SDK's: values on the chip until `to_host` is called."""

    def __init__(self, values):
        self._values, self._here = values, False

    def to_host(self):
        self._here = True

    def __array__(self, dtype=None, copy=None):
        assert self._here
        return self._values.astype(dtype)


def test_as_the_sdks_python_post_processor(tmp_path):
    (tmp_path / "v8.cfg").write_text("CLASS_NUM=3\nSCORE_THRESH=0.2\nIOU_THRESH=0.5\n")
    (tmp_path / "v8.names").write_text("one\ntwo\n")
    post = Yolov8PostProcess(config_path=str(tmp_path / "v8.cfg"), label_path=str(tmp_path / "v8.names"))
    first, second = random_heads(3, seed=1), random_heads(3, seed=2)
    tensors = [BoardTensor(np.concatenate(pair)) for pair in zip(first, second)]
    info = SimpleNamespace(
        widthResize=96,
        heightResize=64,
        widthOriginal=192,
        heightOriginal=128,
        resizeType=2,
        keepAspectRatioScaling=0.5,
    )
    found = post.process(tensors, [info, info])
    assert len(found) == 2
    for heads, objects in zip((first, second), found):
        rows = decode(heads, post.config, Geometry(96, 64, 192, 128, FIT, 0.5))
        assert [[o.x0, o.y0, o.x1, o.y1, o.confidence, o.classId] for o in objects] == rows.tolist()
        assert {o.className for o in objects} == {"one", "two", ""}
