from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from compute_mAP.detections import Detections
from compute_mAP.errors import DataError, UsageError
from compute_mAP.ground_truth import load_ground_truth
from compute_mAP.report import Report
from compute_mAP.verdicts import average_precision
from compute_mAP.voc_devkit import find_devkit, read_image_set
from compute_mAP.voc_eval import evaluate
from compute_mAP.voc_xml import Annotation, Object

A, B, FAR = (0, 0, 9, 9), (20, 0, 29, 9), (60, 60, 69, 69)
Found = Sequence[tuple[str, float, Sequence[float]]]


def _truth(**images: Sequence[Object]) -> dict[str, Annotation]:
    return {name: Annotation(100, 100, list(objects), []) for name, objects in images.items()}


def _cat(box: Sequence[float], difficult: bool = False, name: str = "cat") -> Object:
    return Object(name, *box, difficult)


def _detections(found: Found) -> Detections:
    return Detections(
        [name for name, _, _ in found], np.array([conf for _, conf, _ in found]), np.array([box for _, _, box in found])
    )


@pytest.mark.parametrize(
    ("recall", "precision", "voc07", "area"),
    [
        # Of 4 objects 3 are found, by the 1st, 3rd and 5th of 5 detections.
        ([1 / 4, 1 / 4, 2 / 4, 2 / 4, 3 / 4], [1, 1 / 2, 2 / 3, 2 / 4, 3 / 5], 6.2 / 11, 1 / 4 + 2 / 12 + 3 / 20),
        ([0.0, 0.5, 1.0], [0, 1 / 2, 2 / 3], 2 / 3, 2 / 3),  # a later, higher precision counts from the start
        ([0.5, 1.0], [1, 1], 1.0, 1.0),
        ([0.1, 0.2, 0.3], [1, 1, 1], 3 / 11, 0.3),  # 3 / 10 lies below 3 * 0.1, as voc_eval.py has that level
        ([0.6], [1], 6 / 11, 0.6),  # likewise 6 * 0.1 and 7 * 0.1
        ([0.7], [1], 7 / 11, 0.7),
        ([0.8], [1], 9 / 11, 0.8),  # 8 * 0.1 is 8 / 10
        ([0.0, 0.0], [0, 0], 0.0, 0.0),
        ([], [], 0.0, 0.0),
    ],
    ids=[
        "steps",
        "rising",
        "perfect",
        "recall 0.3",
        "recall 0.6",
        "recall 0.7",
        "recall 0.8",
        "all wrong",
        "no detection",
    ],
)
def test_average_precision(recall: list[float], precision: list[float], voc07: float, area: float) -> None:
    curve = np.array(recall, np.float64), np.array(precision, np.float64)
    assert average_precision(*curve, "voc07") == pytest.approx(voc07, abs=1e-12)
    assert average_precision(*curve, "area") == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize(
    ("objects", "found", "ap50"),
    [
        ([_cat(A), _cat(B)], [("p", 0.9, A), ("p", 0.8, B)], 1.0),
        ([_cat(A), _cat(B)], [("p", 0.9, A), ("p", 0.8, FAR), ("p", 0.7, B)], 1 / 2 + 1 / 2 * 2 / 3),
        ([_cat(A), _cat(B)], [("p", 0.7, B), ("p", 0.9, FAR), ("p", 0.8, A)], 2 / 3),
        ([_cat(A), _cat(B)], [("p", 0.9, A), ("p", 0.8, A), ("p", 0.7, B)], 1 / 2 + 1 / 2 * 2 / 3),
        ([_cat(A), _cat(B)], [("q", 0.9, A), ("p", 0.8, B)], 1 / 2 * 1 / 2),
        ([_cat(A)], [("p", 0.5, FAR), ("p", 0.5, A)], 1 / 2),
        ([_cat(A)], [("p", 0.5, A), ("p", 0.5, FAR)], 1.0),
        ([_cat((0, 0, 1, 1))], [("p", 0.5, (0, 0, 1, 2))], 1.0),
        ([_cat(A)], [("p", 0.5, (0, 0, 9, 4))], 0.0),
        ([_cat(A), _cat(A)], [("p", 0.9, A), ("p", 0.8, A)], 1 / 2),
        ([_cat(A), _cat((0, 0, 9, 6))], [("p", 0.9, A), ("p", 0.8, (0, 0, 9, 8))], 1 / 2),
        ([_cat(A), _cat(B, True)], [("p", 0.9, B), ("p", 0.8, B), ("p", 0.7, A)], 1.0),
        ([_cat(A), _cat(B, True)], [("p", 0.9, FAR), ("p", 0.7, A)], 1 / 2),
        ([_cat(A), _cat(B, True)], [("p", 0.7, A)], 1.0),
    ],
    ids=[
        "all right",
        "one wrong between",
        "order is by confidence, not by line",
        "a duplicate is wrong",
        "right box, other image",
        "equal confidence keeps its order, wrong first",
        "equal confidence keeps its order, right first",
        "widths are counted in pixels, +1",
        "an overlap of exactly 0.5 is too little",
        "the first of equal objects, although the second is free",
        "only the nearest object, although another is free and near enough",
        "a difficult object spares every detection of it",
        "a difficult object spares no other detection",
        "a difficult object needs no detection",
    ],
)
def test_hand_computed(objects: Sequence[Object], found: Found, ap50: float) -> None:
    report = evaluate({"cat": _detections(found)}, _truth(p=objects, q=[]), ["cat"], "area")
    assert report.map50 == pytest.approx(ap50, abs=1e-12)
    assert report.ap50 == {"cat": report.map50}
    assert (report.images, report.notes) == (2, [])


@pytest.mark.parametrize("percent", range(50, 105, 5))
def test_an_overlap_equal_to_a_threshold_is_too_little(percent: int) -> None:
    found = [("p", 0.5, (0, 0, percent - 1, 0))]
    report = evaluate({"cat": _detections(found)}, _truth(p=[_cat((0, 0, 99, 0))]), ["cat"])
    assert report.map50_95 == pytest.approx(len(range(50, percent, 5)) / 10)
    assert (report.map50, report.map75) == (percent > 50, percent > 75)


def test_each_threshold_is_matched_anew() -> None:
    # Up to 0.65 the first detection is right and the second a duplicate, above it is the other way round.
    found = [("p", 0.9, (0, 0, 9, 6)), ("p", 0.8, A)]
    report = evaluate({"cat": _detections(found)}, _truth(p=[_cat(A)]), ["cat"])
    assert (report.map50, report.map75) == (1.0, 0.5)
    assert report.map50_95 == pytest.approx((4 * 1.0 + 6 * 0.5) / 10)


def test_protocols_differ() -> None:
    found = {"cat": _detections([("p", 0.9, A), ("p", 0.8, FAR)])}
    truth = _truth(p=[_cat(A), _cat(B)])
    assert evaluate(found, truth, ["cat"], "voc07").map50 == pytest.approx(6 / 11)
    assert evaluate(found, truth, ["cat"], "area").map50 == pytest.approx(1 / 2)


def test_classes_without_detections_or_ground_truth() -> None:
    truth = _truth(p=[_cat(A), _cat(B, name="dog"), _cat(FAR, True, name="cow")])
    found = {name: _detections([("p", 0.9, A)]) for name in ("cat", "cow", "bird", "stranger")}
    report = evaluate(found, truth, ["cat", "dog", "cow", "bird"], failed_images=3)
    assert report.ap50 == {"cat": 1.0, "dog": 0.0, "cow": None, "bird": None}
    assert (report.map50, report.map75, report.map50_95, report.failed_images) == (0.5, 0.5, 0.5, 3)
    assert len(report.notes) == 2
    assert "no objects of class 'cow' but difficult ones" in report.notes[0]
    assert "no objects of class 'bird':" in report.notes[1]


def test_objects_of_unknown_classes_are_counted_and_named() -> None:
    truth = _truth(p=[_cat(A), _cat(B, name="cats")], q=[_cat(A, name="cats"), _cat(A, name="zebra")])
    report = evaluate({"cat": _detections([("p", 0.9, A)])}, truth, ["cat"])
    assert report.map50 == 1.0
    assert report.notes == [
        "2 objects of class 'cats', which is not among the names (did you mean 'cat'?): not counted",
        "1 object of class 'zebra', which is not among the names: not counted",
    ]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([("elsewhere", 0.9, A)], "of class 'cat' is in image 'elsewhere', which is not in the image set"),
        ([("p", float("nan"), A)], "class 'cat' hold a number that is not finite"),
        ([("p", 0.9, (0, 0, float("inf"), 1))], "class 'cat' hold a number that is not finite"),
    ],
    ids=["image outside the set", "nan", "inf"],
)
def test_detections_refused(found: Found, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        evaluate({"cat": _detections(found)}, _truth(p=[_cat(A)]), ["cat"])


def test_no_ground_truth_at_all() -> None:
    with pytest.raises(DataError, match="no ground truth of any class among cow, bird; its annotations hold cat, dog"):
        evaluate({}, _truth(p=[_cat(A), _cat(A, name="dog")]), ["cow", "bird"])
    with pytest.raises(DataError, match="its annotations hold no objects"):
        evaluate({}, _truth(p=[]), ["cow"])


def test_unknown_protocol() -> None:
    with pytest.raises(UsageError, match=r"unknown protocol 'voc7' \(did you mean 'voc07'\?\)"):
        evaluate({}, _truth(p=[_cat(A)]), ["cat"], "voc7")


def _reference(
    detections: Mapping[str, Found], truth: Mapping[str, Annotation], names: Sequence[str], protocol: str
) -> tuple[dict[str, float | None], float, float, float]:
    """The same by straight loops over thresholds, detections and objects, one detection at a time."""
    table: dict[str, list[float] | None] = {}
    for name in names:
        count = sum(o.name == name and not o.difficult for a in truth.values() for o in a.objects)
        table[name] = (
            [_reference_ap(detections.get(name, []), truth, name, count, t / 100, protocol) for t in range(50, 100, 5)]
            if count
            else None
        )
    rows = [row for row in table.values() if row]
    mean = [sum(row[i] for row in rows) / len(rows) for i in range(10)]
    return {name: row[0] if row else None for name, row in table.items()}, mean[0], mean[5], sum(mean) / 10


def _reference_ap(
    found: Found, truth: Mapping[str, Annotation], name: str, count: int, threshold: float, protocol: str
) -> float:
    claimed = set()
    true = false = 0
    curve = []
    for image, _, (x0, y0, x1, y1) in sorted(found, key=lambda detection: -detection[1]):
        best, nearest = 0.0, None
        for i, o in enumerate(truth[image].objects):
            width, height = min(x1, o.x1) - max(x0, o.x0) + 1, min(y1, o.y1) - max(y0, o.y0) + 1
            if o.name == name and width > 0 and height > 0:
                union = (x1 - x0 + 1) * (y1 - y0 + 1) + (o.x1 - o.x0 + 1) * (o.y1 - o.y0 + 1) - width * height
                if width * height / union > best:
                    best, nearest = width * height / union, i
        if nearest is not None and best > threshold and truth[image].objects[nearest].difficult:
            pass
        elif nearest is not None and best > threshold and (image, nearest) not in claimed:
            claimed.add((image, nearest))
            true += 1
        else:
            false += 1
        curve.append((true / count, true / (true + false) if true else 0.0))
    if protocol == "voc07":
        return sum(max([p for r, p in curve if r >= i / 10], default=0.0) for i in range(11)) / 11
    area = reached = 0.0
    for i, (recall, _) in enumerate(curve):
        area += (recall - reached) * max(p for _, p in curve[i:])
        reached = recall
    return area


@pytest.mark.parametrize("protocol", ["voc07", "area"])
@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_straight_loops(seed: int, protocol: str) -> None:
    """On a coarse grid, so that overlaps tie with each other and with thresholds, and confidences with each other."""
    random = np.random.default_rng(seed)
    names = ["cat", "dog", "cow", "bird"]

    def boxes(n: int) -> list[list[float]]:
        corner = random.integers(0, 6, (n, 2)) * 5
        return np.hstack([corner, corner + random.integers(1, 5, (n, 2)) * 5 - 1]).tolist()

    truth = {}
    for i in range(30):
        objects = [_cat(box, random.random() < 0.2, names[random.integers(3)]) for box in boxes(4)]
        truth[f"p{i}"] = Annotation(50, 50, objects, [])
    found: dict[str, list[tuple[str, float, Sequence[float]]]] = {}
    for name in names[1:]:  # none for the first
        near = [(p, [o.x0, o.y0, o.x1 + random.integers(0, 3), o.y1]) for p, a in truth.items() for o in a.objects]
        far = [(f"p{random.integers(30)}", box) for box in boxes(80)]
        found[name] = [(p, float(random.integers(1, 20) / 20), box) for p, box in near + far]
        random.shuffle(found[name])  # type: ignore[arg-type]
    report = evaluate({name: _detections(rows) for name, rows in found.items()}, truth, names, protocol)
    ap50, map50, map75, map50_95 = _reference(found, truth, names, protocol)
    assert report.ap50 == pytest.approx(ap50, abs=1e-12)
    assert (report.map50, report.map75, report.map50_95) == pytest.approx((map50, map75, map50_95), abs=1e-12)
    assert report.ap50["cat"] == 0 and report.ap50["bird"] is None and 0.01 < report.map50_95 < report.map50 < 0.9


def test_fast_enough() -> None:
    """100,000 detections in 1,000 images; a loop over detections and thresholds takes far longer than this bound."""
    random = np.random.default_rng(0)
    n, images = 100_000, [f"p{i}" for i in range(1000)]
    corner = random.uniform(0, 400, (n, 2))
    boxes = np.hstack([corner, corner + random.uniform(10, 100, (n, 2))])
    rows = iter(boxes.tolist())
    truth = {p: Annotation(500, 500, [_cat(next(rows)) for _ in range(5)], []) for p in images}
    found = Detections([images[i] for i in random.integers(0, 1000, n)], random.random(n), boxes)
    start = time.perf_counter()
    evaluate({"cat": found}, truth, ["cat"])
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize("protocol", ["voc07", "area", "coco"])
@pytest.mark.parametrize("image_set", ["test", "trainval"])
def test_the_ground_truth_of_bccd_scores_one(shared: Path, image_set: str, protocol: str) -> None:
    devkit = find_devkit(shared / "data/bccd/VOCdevkit", image_set=image_set)
    truth, _ = load_ground_truth(devkit, read_image_set(devkit.image_set_file).names)
    names = ["RBC", "WBC", "Platelets"]
    found = {
        name: _detections([(p, 0.5, o[1:5]) for p, a in truth.items() for o in a.objects if o.name == name])
        for name in names
    }
    report: Report = evaluate(found, truth, names, protocol)
    assert report.ap50 == {name: pytest.approx(1.0) for name in names}
    assert (report.map50, report.map75, report.map50_95) == pytest.approx((1.0, 1.0, 1.0))
    assert (report.images, report.notes) == (len(truth), [])
