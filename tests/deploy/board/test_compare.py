"""Which boxes match, and which image is the first that differs."""

import pytest

from deploy.board.compare import Tolerance, compare, iou
from deploy.results.detections import Detection


def box(confidence: float = 0.9, x: float = 0, name: str = "a", side: float = 10) -> Detection:
    return Detection(name, ord(name) - 97, confidence, x, 0, x + side, side)


@pytest.mark.parametrize(
    ("host", "board", "matched", "differs"),
    [
        pytest.param([box()], [box()], 1, False, id="equal"),
        pytest.param([box()], [box(0.85, 1)], 1, False, id="near in place and confidence"),
        pytest.param([box()], [box(x=4)], 0, True, id="too far away"),
        pytest.param([box()], [box(0.7)], 0, True, id="much less sure"),
        pytest.param([box()], [box(name="b")], 0, True, id="another class"),
        pytest.param([box()], [], 0, True, id="missed"),
        pytest.param([], [box()], 0, True, id="invented"),
        pytest.param([box(0.2)], [], 0, False, id="too weak to count"),
        pytest.param([box(0.26)], [box(0.24)], 1, False, id="counts on one side, is there on the other"),
        pytest.param([box(0.24)], [box(0.26)], 1, False, id="the same from the other side"),
        pytest.param([box(), box()], [box()], 1, True, id="twice here, once there"),
        pytest.param([box(), box(x=1)], [box(x=1), box()], 2, False, id="each takes the nearer one"),
        pytest.param([], [], 0, False, id="nothing at all"),
        pytest.param([box(side=0)], [box(side=0)], 0, True, id="boxes without an area overlap nothing"),
    ],
)
def test_one_image(host: list[Detection], board: list[Detection], matched: int, differs: bool) -> None:
    found = compare(["p"], {"p": host}, {"p": board})
    assert (found.matched, found.differing) == (matched, int(differs))
    assert (found.first_difference is not None) == differs
    assert ("the first of them" in found.to_text()) == differs
    assert found.mean_iou is None or 0 < found.mean_iou <= 1


def test_the_first_in_the_order_of_the_set() -> None:
    host = {"z": [box()], "a": [box(), box(0.5, 50)], "m": [box()]}
    found = compare(["z", "a", "m"], host, {"z": [box()], "a": [box(0.88)]})
    assert found.first_difference == {"image": "a", "sentence": "only the host has a 0.500 at 50.0 0.0 60.0 10.0"}
    assert (found.images, found.differing, found.host, found.board, found.matched) == (3, 2, 4, 2, 2)
    assert found.confidence_difference == pytest.approx(0.02)


def test_an_image_that_failed_on_one_side_only() -> None:
    found = compare(["p", "q"], {}, {}, host_failed=["p"], board_failed=["p", "q"])
    assert found.first_difference == {"image": "q", "sentence": "it failed on the board only"}


def test_the_tolerance_is_the_users() -> None:
    assert compare(["p"], {"p": [box()]}, {"p": [box(x=4)]}, tolerance=Tolerance(0.4, 0.1)).differing == 0
    assert compare(["p"], {"p": [box()]}, {"p": [box(0.88)]}, tolerance=Tolerance(0.75, 0.01)).differing == 1


def test_the_nearest_is_named() -> None:
    found = compare(["p"], {"p": [box()]}, {"p": [box(x=4)]})
    assert found.first_difference and "nearest on the board: a 0.900 at 4.0" in found.first_difference["sentence"]


def test_iou() -> None:
    assert iou(box(), box(x=5)) == pytest.approx(1 / 3)
