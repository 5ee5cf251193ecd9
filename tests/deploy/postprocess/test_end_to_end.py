"""Heads that need no NMS, against the rule written down box by box in float64."""

import math

import numpy as np
import pytest

from deploy.postprocess.end_to_end import EndToEndConfig, EndToEndPostProcess, decode, read_end_to_end_config
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import FIT, STRETCH, Geometry
from deploy.sdk_codes import SdkFault

SIZES = ((8, 12), (4, 6), (2, 3))  # of a 96 x 64 px input
WHOLE = Geometry(96, 64, 96, 64, STRETCH, 0.0)


def random_heads(class_num, bins, seed=0):
    rng = np.random.default_rng(seed)
    heads = []
    for height, width in SIZES:
        heads.append(rng.normal(1, 2, (1, 4 * bins, height, width)).astype(np.float32))
        heads.append(rng.normal(-3, 2, (1, class_num, height, width)).astype(np.float32))
    return heads


def side(bins):
    if len(bins) == 1:
        return bins[0]
    weights = [math.exp(logit) for logit in bins]
    return sum(i * weight for i, weight in enumerate(weights)) / sum(weights)


def by_hand(heads, bins, most, threshold):
    """[x0, y0, x1, y1, score, class] in pixels of the input, clipped, by falling score."""
    cells = []
    for level, (height, width) in enumerate(SIZES):
        box, kind = heads[2 * level][0].astype(float), heads[2 * level + 1][0].astype(float)
        stride = 64 / height
        for row in range(height):
            for column in range(width):
                left, top, right, bottom = (
                    side(box[i * bins : i * bins + bins, row, column]) * stride for i in range(4)
                )
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                corners = [x - left, y - top, x + right, y + bottom]
                cells.append((corners, [1 / (1 + math.exp(-logit)) for logit in kind[:, row, column]]))
    cells = sorted(cells, key=lambda cell: -max(cell[1]))[:most]
    found = [[*corners, score, i] for corners, scores in cells for i, score in enumerate(scores)]
    out = np.array([row for row in sorted(found, key=lambda row: -row[4])[:most] if row[4] > threshold])
    out[:, :4] = np.clip(out[:, :4], 0, [96, 64, 96, 64])
    return out


@pytest.mark.parametrize(
    ("class_num", "bins", "most", "threshold"),
    [
        pytest.param(3, 1, 300, 0.001, id="YOLO26: a side is a number"),
        pytest.param(3, 16, 300, 0.2, id="YOLOv10: a side is a distribution"),
        pytest.param(5, 1, 20, 0.001, id="more cells than boxes that stay"),
        pytest.param(1, 1, 300, 0.3, id="one class"),
        pytest.param(4, 1, 7, 0.05, id="both branches with four channels"),
    ],
)
def test_against_the_rule(class_num, bins, most, threshold):
    heads = random_heads(class_num, bins)
    found = decode(heads, EndToEndConfig(class_num, threshold, bins=bins, most=most), WHOLE)
    expected = by_hand(heads, bins, most, threshold)
    assert found.shape == expected.shape and len(found) > 3
    assert np.abs(found - expected).max() < 1e-3


def test_a_cell_can_answer_with_two_classes():
    heads = [np.full((1, 4, 2, 3), 0.5, np.float32), np.full((1, 3, 2, 3), -9, np.float32)]
    heads[1][0, :2, 1, 1] = 2, 1
    found = decode(heads, EndToEndConfig(3, 0.4, bins=1), Geometry(96, 64, 48, 32, FIT, 2.0))
    assert found[:, 5].tolist() == [0, 1] and found[0, :4].tolist() == found[1, :4].tolist() == [16, 16, 32, 32]


def test_nothing_passes():
    assert decode(random_heads(3, 1), EndToEndConfig(3, 1.0, bins=1), WHOLE).shape == (0, 6)


def test_thresholds_of_their_own_for_classes():
    heads = random_heads(3, 1)
    found = decode(heads, EndToEndConfig(3, 0.1, (0.9, 0.1, 1.0), 1), WHOLE)
    assert set(found[:, 5]) <= {0, 1} and (found[found[:, 5] == 0, 4] >= 0.9).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("CLASS_NUM=3\nREG_MAX=0\n", "REG_MAX is '0'", id="no bins"),
        pytest.param("CLASS_NUM=3\nREG_MAX=65\n", "REG_MAX is '65'", id="too many bins"),
        pytest.param("CLASS_NUM=3\nMAX_DET=0\n", "MAX_DET is '0'", id="no boxes"),
        pytest.param("CLASS_NUM=3\nMAX_DET=many\n", "MAX_DET is 'many'", id="no number"),
        pytest.param("REG_MAX=1\n", "CLASS_NUM is missing", id="no classes"),
    ],
)
def test_faulty_configs(text, message):
    with pytest.raises(SdkFault) as caught:
        read_end_to_end_config(KeyValues.from_text(text.encode(), "cfg"))
    assert message in caught.value.sentence


def test_the_class_reads_its_config_and_checks_shapes(tmp_path):
    (tmp_path / "x.cfg").write_text("CLASS_NUM=3\nSCORE_THRESH=0.4\nMAX_DET=100\nREG_MAX=1\n")
    post = EndToEndPostProcess(config_path=str(tmp_path / "x.cfg"))
    assert post.config == EndToEndConfig(3, pytest.approx(0.4), bins=1, most=100)
    post.check_shapes([(1, 4, 4, 4), (1, 3, 4, 4)])
    with pytest.raises(SdkFault, match=r"REG_MAX=1 has \[1, 4, h, w\] and \[1, 3, h, w\]"):
        post.check_shapes([(1, 64, 4, 4), (1, 3, 4, 4)])
