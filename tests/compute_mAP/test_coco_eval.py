"""The coco protocol against pycocotools itself, on random images and on the cases where the protocols part."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from compute_mAP.detections import Detections
from compute_mAP.voc_eval import evaluate
from compute_mAP.voc_xml import Annotation, Object

NAMES = ["cat", "dog", "cow"]
A, B = (10, 10, 50, 50), (100, 10, 160, 90)


def oracle(
    found: Mapping[str, Detections], truth: Mapping[str, Annotation], names: Sequence[str]
) -> tuple[list[float], dict[str, float | None]]:
    """mAP at 0.5, 0.75 and 0.5:0.95, and AP at 0.5 of each class, as pycocotools has them."""
    numbers = {name: i + 1 for i, name in enumerate(truth)}
    annotations = []
    for image, annotation in truth.items():
        for o in annotation.objects:
            width, height = o.x1 - o.x0, o.y1 - o.y0
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": numbers[image],
                    "category_id": names.index(o.name) + 1,
                    "bbox": [o.x0, o.y0, width, height],
                    "area": width * height,
                    "iscrowd": int(o.difficult),
                }
            )
    results = [
        {
            "image_id": numbers[image],
            "category_id": names.index(name) + 1,
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": float(confidence),
        }
        for name, detections in found.items()
        for image, confidence, box in zip(
            detections.images, detections.confidence, detections.boxes.tolist(), strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in numbers.values()],
            "annotations": annotations,
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(names)],
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, 2]  # thresholds, recalls, classes; all sizes, 100 detections

    def mean(values: np.ndarray) -> float:
        return float(values[values > -1].mean())

    classes = {}
    for i, name in enumerate(names):
        own = precision[0, :, i]
        classes[name] = mean(own) if (own > -1).any() else None
    return [mean(precision[0]), mean(precision[5]), mean(precision)], classes


def random_set(seed: int, images: int, most: int) -> tuple[dict[str, Detections], dict[str, Annotation]]:
    """Crowded images on a coarse grid: overlaps tie with each other and with thresholds, confidences too."""
    random = np.random.default_rng(seed)
    truth = {}
    rows: dict[str, list[tuple[str, float, list[float]]]] = {name: [] for name in NAMES}
    for number in range(images):
        objects = []
        for _ in range(random.integers(0, 6)):
            x, y = random.integers(0, 6, 2) * 10
            w, h = random.integers(2, 7, 2) * 10
            name = NAMES[random.integers(2)] if seed % 3 == 0 else NAMES[random.integers(3)]
            objects.append(Object(name, x, y, x + w, y + h, bool(random.random() < 0.2)))
        truth[f"p{number:03}"] = Annotation(200, 200, objects, [])
        for name in NAMES:
            for _ in range(random.integers(0, most)):
                x, y = random.integers(0, 6, 2) * 10 + random.choice([0, 0, 1, 3], 2)
                w, h = random.integers(2, 7, 2) * 10
                confidence = round(float(random.random()), 1)
                rows[name].append((f"p{number:03}", confidence, [float(v) for v in (x, y, x + w, y + h)]))
    found = {}
    for name, entries in rows.items():
        random.shuffle(entries)
        entries.sort(key=lambda row: row[0])  # pycocotools goes through the images in their order
        boxes = np.array([box for *_, box in entries]).reshape(-1, 4)
        found[name] = Detections([p for p, *_ in entries], np.array([c for _, c, _ in entries]), boxes)
    return found, truth


@pytest.mark.parametrize(
    ("seed", "images", "most"),
    [
        *(pytest.param(seed, 30, 12, id=f"crowded {seed}") for seed in range(6)),
        pytest.param(6, 3, 180, id="more than 100 detections of a class in an image"),
        pytest.param(7, 40, 2, id="few detections"),
    ],
)
def test_equals_pycocotools(seed: int, images: int, most: int) -> None:
    found, truth = random_set(seed, images, most)
    means, classes = oracle(found, truth, NAMES)
    report = evaluate(found, truth, NAMES, "coco")
    assert [report.map50, report.map75, report.map50_95] == pytest.approx(means, abs=1e-6)
    for name, value in classes.items():
        assert report.ap50[name] == (None if value is None else pytest.approx(value, abs=1e-6))


def one(
    boxes: Sequence[Sequence[float]], *objects: tuple[Sequence[float], bool]
) -> tuple[dict[str, Detections], dict[str, Annotation]]:
    truth = {"p": Annotation(200, 200, [Object("cat", *box, difficult) for box, difficult in objects], [])}
    confidence = np.linspace(0.9, 0.1, len(boxes))
    return {"cat": Detections(["p"] * len(boxes), confidence, np.array(boxes, float))}, truth


@pytest.mark.parametrize(
    ("boxes", "objects", "coco", "area"),
    [
        pytest.param([A], [(A, False)], 1.0, 1.0, id="the very box"),
        pytest.param([(10, 10, 50, 30)], [(A, False)], 1.0, 1.0, id="half of it is enough at 0.5 in coco"),
        pytest.param([(0, 0, 10, 5)], [((0, 0, 10, 10), False)], 1.0, 1.0, id="a pixel more in VOC lifts it over 0.5"),
        pytest.param([(0, 0, 9, 4)], [((0, 0, 9, 9), False)], 0.0, 0.0, id="below half in coco, just half in VOC"),
        pytest.param(
            [A, (12, 10, 52, 50)], [(A, False), ((20, 10, 60, 50), False)], 1.0, 0.5, id="the next best object"
        ),
        pytest.param([A, B], [(A, True), (B, False)], 1.0, 1.0, id="one in a difficult object does not count"),
        pytest.param([(10, 10, 20, 20), B], [(A, True), (B, False)], 1.0, 0.5, id="a part of a difficult object"),
        pytest.param([(60, 10, 10, 50), B], [(B, False)], 1.0, 0.5, id="a box with reversed corners is not wrong"),
        pytest.param([A, A, B], [(A, True), (B, False)], 1.0, 1.0, id="as often as it is found"),
    ],
)
def test_where_the_protocols_part(
    boxes: list[Sequence[float]], objects: list[tuple[Sequence[float], bool]], coco: float, area: float
) -> None:
    found, truth = one(boxes, *objects)
    assert oracle(found, truth, ["cat"])[0][0] == pytest.approx(coco, abs=1e-6)
    assert evaluate(found, truth, ["cat"], "coco").map50 == pytest.approx(coco, abs=1e-6)
    assert evaluate(found, truth, ["cat"], "area").map50 == pytest.approx(area)


def test_no_detections_at_all() -> None:
    _, truth = one([A], (A, False))
    found = {"cat": Detections([], np.empty(0), np.empty((0, 4)))}
    assert evaluate(found, truth, ["cat"], "coco").map50_95 == 0
    assert evaluate({}, truth, ["cat"], "coco").map50_95 == 0
