"""Class-wise greedy suppression."""

import time

import numpy as np
import pytest

from deploy.postprocess.nms import BLOCK, iou_matrix, suppress
from deploy.postprocess.tie_order import falling


def plain_suppress(boxes, scores, classes, threshold):
    """The rule written down naively: the reference."""
    falls = iou_matrix(boxes, boxes) > np.float32(threshold)
    kept = []
    for class_id in sorted(set(classes.tolist())):
        queue = sorted(np.flatnonzero(classes == class_id).tolist(), key=lambda i: -scores[i])
        while queue:
            best = queue.pop(0)
            kept.append(best)
            queue = [i for i in queue if not falls[best, i]]
    return kept


def random_boxes(count, size, class_num, seed):
    rng = np.random.default_rng(seed)
    corner = rng.random((count, 2), dtype=np.float32)
    boxes = np.concatenate([corner, corner + rng.random((count, 2), dtype=np.float32) * np.float32(size)], axis=1)
    return boxes, rng.random(count, dtype=np.float32), rng.integers(0, class_num, count)


@pytest.mark.parametrize(
    ("count", "size", "class_num"),
    [
        pytest.param(0, 0.5, 1, id="nothing"),
        pytest.param(1, 0.5, 1, id="one"),
        pytest.param(63, 0.5, 3, id="less than one block"),
        pytest.param(64, 0.9, 1, id="exactly one block"),
        pytest.param(300, 0.6, 1, id="several blocks of one class"),
        pytest.param(300, 0.6, 40, id="many classes in a block"),
        pytest.param(1200, 0.05, 2, id="more than one chunk, hardly any overlap"),
        pytest.param(300, 2.0, 7, id="heavy overlap"),
    ],
)
def test_agrees_with_the_plain_rule(count, size, class_num):
    boxes, scores, classes = random_boxes(count, size, class_num, seed=count)
    assert suppress(boxes, scores, classes, 0.45).tolist() == plain_suppress(boxes, scores, classes, 0.45)


def test_equal_scores_keep_their_order():
    boxes = np.array([[0.3, 0.3, 0.4, 0.4], [0.0, 0.0, 0.1, 0.1], [0.6, 0.6, 0.7, 0.7]], np.float32)
    kept = suppress(boxes, np.full(3, 0.5, np.float32), np.zeros(3, int), 0.5)
    assert kept.tolist() == [0, 1, 2]


def test_iou_at_the_threshold_stays():
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.25]], np.float32)  # IoU exactly 0.5
    scores, classes = np.array([0.9, 0.8], np.float32), np.zeros(2, int)
    assert len(suppress(boxes, scores, classes, 0.5)) == 2
    assert len(suppress(boxes, scores, classes, 0.4999)) == 1


def test_iou_at_the_threshold_stays_across_blocks():
    far = np.array([[5 + i, 5 + i, 5.5 + i, 5.5 + i] for i in range(2 * BLOCK)], np.float32)
    boxes = np.concatenate([[[0, 0, 0.5, 0.5]], far, [[0, 0, 0.5, 0.25]]]).astype(np.float32)
    scores, classes = np.linspace(1, 0.5, len(boxes), dtype=np.float32), np.zeros(len(boxes), int)
    assert len(suppress(boxes, scores, classes, 0.5)) == len(boxes)
    assert suppress(boxes, scores, classes, 0.4999).tolist() == list(range(len(boxes) - 1))


def test_touching_and_empty_boxes_have_no_overlap():
    boxes = np.array([[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0.2, 0.2, 0.2, 0.2]], np.float32)
    assert iou_matrix(boxes, boxes)[0, 1] == 0
    assert iou_matrix(boxes, boxes)[2, 2] == 0  # the union is smaller than 1e-6


def test_five_thousand_candidates_of_one_class():
    boxes, scores, classes = random_boxes(5000, 0.2, 1, seed=0)
    begin = time.process_time()
    suppress(boxes, scores, classes, 0.6)
    # some 40 ms on a slow core; the plain rule takes minutes
    assert time.process_time() - begin < 1


def test_many_equal_scores_come_as_the_sdk_sorts_them():
    boxes = np.array([[i, 0, i + 0.5, 1] for i in range(40)], np.float32)
    classes = np.arange(40) % 2
    classes[38:] = 1
    kept = suppress(boxes, np.full(40, 0.5, np.float32), classes, 0.5)
    first, second = np.flatnonzero(classes == 0), np.flatnonzero(classes == 1)
    expected = [first[falling(np.ones(len(first), np.float32))], second[falling(np.ones(len(second), np.float32))]]
    assert kept.tolist() == np.concatenate(expected).tolist()
    assert kept.tolist() != np.concatenate([first, second]).tolist()
