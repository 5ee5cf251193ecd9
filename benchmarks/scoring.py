"""Times the scorer beside the classic VOC loop and beside pycocotools: `python benchmarks/scoring.py`.

All three get the same detections in memory and must agree; what is timed ends with the mean average precisions. The
classic loop is that of the VOC development kit's VOCevaldet.m, once for each of the ten thresholds, one detection after
another with numpy over the objects of its image, as the Python scorers that followed it do.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from compute_mAP.detections import Detections  # noqa: E402
from compute_mAP.verdicts import average_precision  # noqa: E402
from compute_mAP.voc_eval import THRESHOLDS, evaluate  # noqa: E402
from compute_mAP.voc_xml import Annotation, Object  # noqa: E402

OBJECTS = 8  # in an image


def make_set(images: int, boxes: int, classes: int) -> tuple[dict[str, Detections], dict[str, Annotation]]:
    """Random objects, and detections of which about a third lie near one of them."""
    random = np.random.default_rng(0)
    names = [f"class{i}" for i in range(classes)]
    truth: dict[str, Annotation] = {}
    rows: dict[str, list[tuple[str, float, np.ndarray]]] = {name: [] for name in names}
    for number in range(images):
        image = f"{number:06}"
        corner = random.uniform(0, 400, (OBJECTS, 2))
        objects = np.hstack([corner, corner + random.uniform(20, 100, (OBJECTS, 2))])
        kinds = random.integers(classes, size=OBJECTS)
        truth[image] = Annotation(
            500, 500, [Object(names[k], *box, False) for k, box in zip(kinds, objects.tolist())], []
        )
        near = random.integers(OBJECTS, size=boxes)
        found = objects[near] + random.normal(0, 6, (boxes, 4))
        stray = random.random(boxes) < 2 / 3
        corner = random.uniform(0, 400, (boxes, 2))
        found[stray] = np.hstack([corner, corner + random.uniform(20, 100, (boxes, 2))])[stray]
        labels = np.where(stray, random.integers(classes, size=boxes), kinds[near])
        for label, confidence, box in zip(labels, random.random(boxes), found):
            rows[names[label]].append((image, confidence, box))
    detections = {
        name: Detections([p for p, *_ in own], np.array([c for _, c, _ in own]), np.array([b for *_, b in own]))
        for name, own in rows.items()
    }
    return detections, truth


def classic(detections: dict[str, Detections], truth: dict[str, Annotation]) -> float:
    """mAP@0.5:0.95 by protocol area."""
    scores = []
    for name, found in detections.items():
        order = np.argsort(-found.confidence)
        images, boxes = [found.images[i] for i in order], found.boxes[order]
        for threshold in THRESHOLDS:
            objects = {
                image: np.array([o[1:5] for o in annotation.objects if o.name == name])
                for image, annotation in truth.items()
            }
            seen = {image: [False] * len(own) for image, own in objects.items()}
            true, false = np.zeros(len(images)), np.zeros(len(images))
            for i, image in enumerate(images):
                own, box, best, at = objects[image], boxes[i], -np.inf, -1
                if own.size:
                    width = np.maximum(np.minimum(own[:, 2], box[2]) - np.maximum(own[:, 0], box[0]) + 1, 0)
                    height = np.maximum(np.minimum(own[:, 3], box[3]) - np.maximum(own[:, 1], box[1]) + 1, 0)
                    both = width * height
                    area = (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
                    overlaps = both / (area + (own[:, 2] - own[:, 0] + 1) * (own[:, 3] - own[:, 1] + 1) - both)
                    best, at = np.max(overlaps), int(np.argmax(overlaps))
                if best > threshold and not seen[image][at]:
                    seen[image][at] = True
                    true[i] = 1
                else:
                    false[i] = 1
            true, false = np.cumsum(true), np.cumsum(false)
            scores.append(average_precision(true / sum(map(len, seen.values())), true / (true + false), "area"))
    return float(np.mean(scores))


def pycocotools(detections: dict[str, Detections], truth: dict[str, Annotation]) -> Callable[[], float]:
    """Returns what is timed: evaluate and accumulate on an index that is already built."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    numbers = {image: i + 1 for i, image in enumerate(truth)}
    kinds = {name: i + 1 for i, name in enumerate(detections)}
    boxes = [(numbers[p], o) for p, annotation in truth.items() for o in annotation.objects]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in numbers.values()],
        "categories": [{"id": i, "name": name} for name, i in kinds.items()],
        "annotations": [
            {"id": i + 1, "image_id": image, "category_id": kinds[o.name], "iscrowd": 0}
            | {"bbox": [o.x0, o.y0, o.x1 - o.x0, o.y1 - o.y0], "area": (o.x1 - o.x0) * (o.y1 - o.y0)}
            for i, (image, o) in enumerate(boxes)
        ],
    }
    results = [
        {"image_id": numbers[p], "category_id": kinds[name], "score": float(c)}
        | {"bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]]}
        for name, found in detections.items()
        for p, c, b in zip(found.images, found.confidence, found.boxes.tolist())
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        loaded = coco.loadRes(results)

    def run() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            scorer = COCOeval(coco, loaded, "bbox")
            scorer.params.areaRng, scorer.params.areaRngLbl = [[0, 1e10]], ["all"]
            scorer.params.maxDets = [100]
            scorer.evaluate()
            scorer.accumulate()
        precision = scorer.eval["precision"]
        return float(precision[precision > -1].mean())

    return run


def timed(action: Callable[[], float], rounds: int) -> tuple[float, float]:
    """The median seconds of some rounds, and the result."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the scorer.")
    parser.add_argument("--number", type=int, default=5000)
    parser.add_argument("--boxes", type=int, default=100, help="detections an image (default: %(default)s)")
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5, help="of the fast ones; the classic loop runs once")
    options = parser.parse_args()
    detections, truth = make_set(options.number, options.boxes, options.classes)
    names = list(detections)
    rows = []
    for protocol, title, rival in (
        ("area", "classic VOC loop", lambda: classic(detections, truth)),
        ("coco", "pycocotools, maxDets 100", pycocotools(detections, truth)),
    ):
        mine, own = timed(lambda p=protocol: evaluate(detections, truth, names, p).map50_95, options.rounds)
        theirs, other = timed(rival, 1)
        assert abs(own - other) < 1e-6, f"{protocol}: {own} and {other} differ"
        rows.append(f"| {protocol} | {mine:.2f} s | {title} | {theirs:.1f} s | {theirs / mine:.1f} | {own:.4f} |")
    print(f"{options.number} images, {options.boxes} boxes each, {options.classes} classes, ten thresholds\n")
    print("| protocol | ours | beside | theirs | ratio | mAP@0.5:0.95 of both |\n|---|---:|---|---:|---:|---:|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
