"""val: precision, recall and mAP of a checkpoint with torch, class by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compress.option import again, option
from compress.stages.inference import InferenceSettings, ready_model
from compress.stages.table import html_table
from compress.train.settings import TrainSettings

if TYPE_CHECKING:
    from compress.report.class_table import ClassScore


@dataclass(frozen=True, kw_only=True)
class ValSettings(InferenceSettings):
    """Of `val`."""

    data: str = again(TrainSettings, "data")
    split: str = option("val", help="train, val or test")
    batch_size: int = again(TrainSettings, "batch_size", help="images a batch")


@dataclass(frozen=True)
class ValResult:
    """Scores of a model on one split, protocol `area`.

    Attributes:
        classes: precision, recall and AP class by class, behind those of all classes together.
        map50, map75, map50_95, f1: 0..1; F1 is the mean over the classes at the confidence where it is highest.
        milliseconds: an image, by "pre-process", "inference" and "post-process" (decoding and NMS).
        faults: a sentence for each image that was left out.
    """

    settings: ValSettings
    imgsz: int
    letterbox: str
    map50: float
    map75: float
    map50_95: float
    ap50: dict[str, float | None]
    f1: float
    f1_confidence: float
    classes: list[ClassScore]
    milliseconds: dict[str, float]
    faults: list[str]

    def to_json(self) -> dict[str, Any]:
        numbers = ("map50", "map75", "map50_95", "f1", "f1_confidence")
        return {
            "split": self.settings.split,
            "imgsz": self.imgsz,
            "letterbox": self.letterbox,
            **{key: getattr(self, key) for key in numbers},
            "classes": [row.as_json() for row in self.classes],
            "milliseconds": self.milliseconds,
        }

    def _repr_html_(self) -> str:
        rows = [row.as_json() for row in self.classes]
        return html_table(list(rows[0]), [list(row.values()) for row in rows])


def val(settings: ValSettings) -> ValResult:
    """Score weights on a split of a data set.

    Raises DataError for a data set that is faulty or has other classes than the weights, ModelError for faulty
    weights, UsageError for a split that the data set does not have.
    """
    from compress.data.data_yaml import load_data_yaml
    from compress.data.same_classes import check_same_classes
    from compress.report.class_table import class_scores
    from compress.val.validate import Validator

    data = load_data_yaml(settings.data)
    model, imgsz, letterbox = ready_model(settings)
    check_same_classes(data, model.names)
    validator = Validator(data, settings.split, imgsz, letterbox, settings.batch_size)
    found = validator.validate(model)
    return ValResult(
        settings,
        imgsz,
        letterbox,
        found.report.map50,
        found.report.map75,
        found.report.map50_95,
        found.report.ap50,
        found.point.f1,
        found.point.confidence,
        class_scores(found, validator.ground_truth, data.names),
        found.milliseconds,
        validator.faults,
    )
