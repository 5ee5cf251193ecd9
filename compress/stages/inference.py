"""What stages that run a checkpoint share: the model on the best device, and how it wants its images."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compress.option import Settings, option, options_of
from compress.stages.model import Model, Weights, open_model
from compress.train.settings import TrainSettings, network_side

if TYPE_CHECKING:
    from compress.nets.detector import Detector

LETTERBOXES = ("board", "grey")
HEADS = ("one2one", "one2many")


@dataclass(frozen=True, kw_only=True)
class InferenceSettings(Settings):
    """Weights, and the network input they are run with."""

    weights: Weights = option(metavar="FILE", also=(Model,), help="a checkpoint, or a .pt of ultralytics")
    imgsz: int | None = option(
        None, kind=network_side, help="side of the square network input in pixels (default: as trained)"
    )
    letterbox: str | None = option(
        None,
        choices=LETTERBOXES,
        help="pad images as the board does, top-left on green, or with centred grey (default: as the weights were "
        "validated in training, else as the board does)",
    )
    head: str | None = option(
        None,
        choices=HEADS,
        help="the branch of a YOLO26 or YOLOv10 that detects: one2one without NMS, or one2many with NMS "
        "(default: one2one)",
    )


def ready_model(settings: InferenceSettings) -> tuple[Detector, int, str]:
    """The model in eval mode on the best device, the side of its input in pixels, and "board" or "grey"."""
    import torch

    given = open_model(settings.weights)
    imgsz = input_side(given.detector, settings.imgsz)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = copy.deepcopy(given.detector) if isinstance(settings.weights, Model) else given.detector
    deployed = model.eval().to(device).deployed(settings.head)
    return deployed, imgsz, settings.letterbox or validated_with(given.history)


def input_side(model: Detector, asked: int | None) -> int:
    """The side of the network input in pixels: the one asked for, else the one the model was trained with.

    Raises UsageError for a side that no detector takes.
    """
    imgsz = model.imgsz if asked is None else asked
    options_of(TrainSettings)["imgsz"].check(imgsz)
    return imgsz


def validated_with(history: list[dict[str, Any]]) -> str:
    """The letterbox of the last training that the history tells of."""
    for entry in reversed(history):
        settings = entry.get("settings")
        if isinstance(settings, dict) and "letterbox" in settings:
            return "grey" if settings["letterbox"] == "grey" else "board"
    return "board"
