"""Precision, recall and F1 at the best confidence, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from compress.val.operating_point import best_operating_point
from compute_mAP.detections import Detections
from compute_mAP.voc_xml import Annotation, Object

BOX = (10.0, 10.0, 50.0, 50.0)
AWAY = (60.0, 60.0, 90.0, 90.0)


def truth(*objects: tuple[str, str]) -> dict[str, Annotation]:
    """Each object (image, class) has the same box."""
    images = sorted({image for image, _ in objects} | {"empty"})
    return {
        image: Annotation(100, 100, [Object(name, *BOX, False) for p, name in objects if p == image], [])
        for image in images
    }


def found(*rows: tuple[str, float, tuple[float, ...]]) -> Detections:
    return Detections(
        [r[0] for r in rows], np.array([r[1] for r in rows]), np.array([r[2] for r in rows]).reshape(-1, 4)
    )


@pytest.mark.parametrize(
    ("detections", "confidence", "f1", "precision", "recall"),
    [
        pytest.param(found(("p", 0.9, BOX), ("q", 0.6, BOX)), 0.0, 1.0, 1.0, 1.0, id="all found"),
        pytest.param(found(("p", 0.9, BOX), ("q", 0.3, AWAY)), 0.301, 2 / 3, 1.0, 0.5, id="the false one is cut off"),
        pytest.param(found(("p", 0.4, AWAY), ("q", 0.9, BOX), ("p", 0.2, BOX)), 0.0, 0.8, 2 / 3, 1.0, id="worth it"),
        pytest.param(found(("p", 0.9, BOX), ("p", 0.8, BOX)), 0.801, 2 / 3, 1.0, 0.5, id="the second one is false"),
        pytest.param(found(), 0.0, 0.0, 1.0, 0.0, id="nothing found: never wrong, never right"),
    ],
)
def test_one_class(detections: Detections, confidence: float, f1: float, precision: float, recall: float) -> None:
    point = best_operating_point({"a": detections}, truth(("p", "a"), ("q", "a")), ["a"])
    assert point.confidence == pytest.approx(confidence, abs=1e-9)
    assert point.f1 == pytest.approx(f1)
    assert point.precision == {"a": pytest.approx(precision)} and point.recall == {"a": pytest.approx(recall)}
    assert point.objects == {"a": 2}


def test_classes_share_one_confidence() -> None:
    """Class b's only detection, at 0.2, is worth more than the false one of class a at 0.3; class c has no objects."""
    detections = {
        "a": found(("p", 0.9, BOX), ("p", 0.3, AWAY)),
        "b": found(("q", 0.2, BOX)),
        "c": found(("q", 0.9, BOX)),
    }
    point = best_operating_point(detections, truth(("p", "a"), ("q", "b")), ["a", "b", "c"])
    assert point.confidence == 0.0
    assert point.f1 == pytest.approx((2 / 3 + 1) / 2)
    assert (point.precision["c"], point.recall["c"], point.objects["c"]) == (None, None, 0)
