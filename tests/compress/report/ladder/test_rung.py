"""The rungs of the ladder: what each comparison finds, and when a rung is broken."""

from __future__ import annotations

import numpy as np
import pytest

from compress.report.ladder.rung import Rung, Seen, compared, first_broken, recorded
from deploy.results.detections import Detection

BOX = Detection("a", 0, 0.9, 10, 10, 50, 50)
MOVED = BOX._replace(x0=40, x1=80)
FLAT = BOX._replace(x1=10)
WEAK = BOX._replace(confidence=0.2)


def seen(values: list[float], *boxes: Detection) -> Seen:
    return Seen([[np.array(values, np.float32)]], {"i": list(boxes)})


@pytest.mark.parametrize(
    ("key", "before", "after", "fault"),
    [
        pytest.param("onnx", seen([1, 2]), seen([1, 2]), "", id="equal"),
        pytest.param("onnx", seen([1, 2]), seen([1, 2.0001]), "", id="the order of sums"),
        pytest.param("onnx", seen([1, 2]), seen([1, 2.001]), "raw outputs differ by 5.0e-04", id="another network"),
        pytest.param("board", seen([1, 2]), seen([1, 2.2]), "", id="board numerics may differ"),
        pytest.param("board", seen([1, 2]), seen([2, -1]), "cosine of the raw outputs is 0.0000", id="at right angles"),
        pytest.param("board", seen([1], BOX), seen([1], MOVED), "0.0% of the boxes match", id="a box moved"),
        pytest.param("board", seen([1], BOX), seen([1]), "0.0% of the boxes match", id="a box lost"),
        pytest.param("board", seen([1], WEAK), seen([1]), "", id="a weak box lost"),
        pytest.param("board", seen([1], FLAT, BOX), seen([1], FLAT, BOX), "", id="a box without area"),
        pytest.param("device", Seen(boxes={"i": [BOX]}), Seen(boxes={"i": [BOX]}), "", id="boxes alone"),
        pytest.param("device", Seen(boxes={"i": [BOX]}), Seen(boxes={"i": []}), "0.0% of the boxes", id="none there"),
        pytest.param("int8", seen([1, 2]), seen([1, np.nan]), "not finite", id="not a number"),
        pytest.param("int8", seen([1, 2]), seen([1, 2, 3]), "other shapes", id="another head"),
        pytest.param("int8", seen([0, 0]), seen([0, 0]), "", id="zeros"),
    ],
)
def test_compared(key: str, before: Seen, after: Seen, fault: str) -> None:
    rung = compared(key, before, after)
    assert fault in str(rung.fault or "") and (rung.fault is None) == (fault == "")
    assert rung.to_json()["holds"] is (fault == "")


def test_numbers() -> None:
    rung = compared("board", seen([3, 4], BOX, MOVED), seen([3, 4.5], BOX))
    assert rung.max_abs == pytest.approx(0.5) and rung.relative == pytest.approx(0.125)
    assert rung.cosine == pytest.approx((9 + 18) / (5 * np.hypot(3, 4.5)))
    assert (rung.matched, rung.boxes) == (pytest.approx(2 / 3), 1)


def test_the_first_broken_rung_is_named() -> None:
    fine, worse = recorded("onnx", 1e-6), recorded("pruned", 1e-3)
    assert fine.recorded and fine.fault is None
    assert first_broken([fine, worse, Rung("float")]) is worse
    assert first_broken([fine]) is None
