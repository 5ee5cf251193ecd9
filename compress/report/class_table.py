"""The table of `val`, as YOLOv5 prints it: all classes together, then one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compress.text_table import aligned
from compress.val.validate import Validation
from compute_mAP.voc_eval import evaluate
from compute_mAP.voc_xml import Annotation

_COLUMNS = ("Class", "Images", "Objects", "P", "R", "mAP@0.5", "mAP@0.5:0.95")


@dataclass(frozen=True)
class ClassScore:
    """One line: `images` counts the images that show the class; scores in 0..1, None where there are no objects."""

    name: str
    images: int
    objects: int
    precision: float | None
    recall: float | None
    ap50: float | None
    ap50_95: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def class_scores(found: Validation, ground_truth: Mapping[str, Annotation], names: Sequence[str]) -> list[ClassScore]:
    """The line of all classes, named "all", with the means over those that have objects, and one for each class."""
    point, report = found.point, found.report
    rows = []
    for name in names:
        images = sum(any(entry.name == name for entry in image.objects) for image in ground_truth.values())
        alone = evaluate({name: found.detections[name]}, ground_truth, [name]).map50_95 if point.objects[name] else None
        counted = point.precision[name], point.recall[name], report.ap50[name], alone
        rows.append(ClassScore(name, images, point.objects[name], *counted))
    whole = [row for row in rows if row.precision is not None]
    precision, recall = (sum(getattr(row, key) for row in whole) / len(whole) for key in ("precision", "recall"))
    objects = sum(row.objects for row in rows)
    every = ClassScore("all", len(ground_truth), objects, precision, recall, report.map50, report.map50_95)
    return [every, *rows]


def class_table(rows: Sequence[ClassScore]) -> str:
    """The lines as aligned text."""
    cells = [
        (row.name, str(row.images), str(row.objects), *map(_number, (row.precision, row.recall, row.ap50, row.ap50_95)))
        for row in rows
    ]
    return aligned([_COLUMNS, *cells])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
