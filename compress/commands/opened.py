"""What verbs that look through a checkpoint share: the model on the best device, and how it wants its images."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from compress.commands.declare import side
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.nets.detector import Detector


def looking_options(parser: argparse.ArgumentParser) -> None:
    """--weights, --imgsz and --letterbox."""
    parser.add_argument("--weights", required=True, metavar="FILE", help="a checkpoint, or a .pt of ultralytics")
    parser.add_argument("--imgsz", type=side, help="side of the square network input in pixels (default: as trained)")
    parser.add_argument(
        "--letterbox",
        choices=("board", "grey"),
        help="pad images as the board does, top-left on green, or with centred grey (default: as the weights were "
        "validated in training, else as the board does)",
    )


def opened(options: argparse.Namespace) -> tuple[Detector, int, str]:
    """The model in eval mode on the best device, the side of its input in pixels, and "board" or "grey"."""
    import torch

    from compress.nets.weights import open_weights

    model, history = open_weights(options.weights)
    imgsz = input_side(model, options.imgsz)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return model.eval().to(device), imgsz, options.letterbox or _validated_with(history)


def input_side(model: Detector, asked: int | None) -> int:
    """The side of the network input in pixels: what --imgsz asks for, else what the model was trained with.

    Raises UsageError for a side that no detector takes.
    """
    imgsz = model.imgsz if asked is None else asked
    if imgsz % 32 or not 32 <= imgsz <= 4096:
        raise UsageError(f"--imgsz is {imgsz}, expected a multiple of 32 from 32 to 4096")
    return imgsz


def _validated_with(history: list[dict[str, Any]]) -> str:
    """The letterbox of the last training that the history tells of."""
    for entry in reversed(history):
        settings = entry.get("settings")
        if isinstance(settings, dict) and "letterbox" in settings:
            return "grey" if settings["letterbox"] == "grey" else "board"
    return "board"
