"""The confusion matrix, against cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from compress.report.page.confusion import confusion_matrix
from compute_mAP.detections import Detections
from compute_mAP.voc_xml import Annotation, Object

A, B = Object("a", 0, 0, 9, 9, False), Object("b", 20, 20, 39, 39, False)
HARD = Object("a", 50, 50, 69, 69, True)
Found = list[tuple[str, str, float, tuple[float, float, float, float]]]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([], [[0, 0, 1], [0, 0, 1], [0, 0, 0]], id="all missed; a difficult one is no miss"),
        pytest.param([("i", "a", 0.9, (0, 0, 9, 9))], [[1, 0, 0], [0, 0, 1], [0, 0, 0]], id="found"),
        pytest.param([("i", "b", 0.9, (0, 0, 9, 9))], [[0, 1, 0], [0, 0, 1], [0, 0, 0]], id="taken for the other"),
        pytest.param([("i", "a", 0.4, (0, 0, 9, 9))], [[0, 0, 1], [0, 0, 1], [0, 0, 0]], id="below the confidence"),
        pytest.param([("i", "b", 0.9, (80, 0, 99, 9))], [[0, 0, 1], [0, 0, 1], [0, 1, 0]], id="of nothing"),
        pytest.param([("j", "a", 0.9, (0, 0, 9, 9))], [[0, 0, 1], [0, 0, 1], [1, 0, 0]], id="in the other image"),
        pytest.param([("i", "b", 0.9, (50, 50, 69, 69))], [[0, 0, 1], [0, 0, 1], [0, 0, 0]], id="a difficult one"),
        pytest.param(
            [("i", "a", 0.9, (0, 0, 9, 9)), ("i", "b", 0.8, (0, 0, 9, 8))],
            [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
            id="the one that overlaps more has the object, the second is false",
        ),
    ],
)
def test_confusion(found: Found, expected: list[list[int]]) -> None:
    truth = {"i": Annotation(100, 100, [A, B, HARD], []), "j": Annotation(100, 100, [], [])}
    detections = {}
    for name in ("a", "b"):
        rows = [row for row in found if row[1] == name]
        boxes = np.array([row[3] for row in rows], np.float64).reshape(-1, 4)
        detections[name] = Detections([row[0] for row in rows], np.array([row[2] for row in rows]), boxes)
    assert confusion_matrix(detections, truth, ["a", "b"], 0.5).tolist() == expected
