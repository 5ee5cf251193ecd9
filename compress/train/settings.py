"""What a training run is told."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from compress.channels.shortcuts import SHORTCUTS
from compress.option import Settings, option
from deploy.errors import UsageError

OPTIMIZERS = ("sgd", "adam", "adamw")
SPARSITY_RULES = ("subgradient", "proximal")
PRECISIONS = ("auto", "off", "bf16", "fp16")
LETTERBOXES = ("mixed", "board", "grey")
MEASURES = ("map", "f1")


def network_side(text: str) -> int:
    """The value of --imgsz: inputs are square, so it is one number. Raises UsageError for anything else.

    Two sides are told from other mistakes however they are written: 384x640, 384,640, [384, 640], 384*640.
    """
    sides = [int(side) for side in re.findall("[0-9]{1,9}", text)]
    if len(sides) == 2 and re.fullmatch(r"[\[(]?\s*[0-9]+[\s,;:xX*×]+[0-9]+\s*[\])]?", text.strip()):
        raise UsageError(
            f"{text} is a width and a height, but network inputs are square here; expected one side, such as "
            f"{max(sides)}: images of any shape are letterboxed into it"
        )
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text!r} is no number of pixels; expected one, such as 640") from None


FINAL_IMAGES = 1024
"""Over so many images at most batch norm is averaged for the checkpoint that a run keeps."""


@dataclass(frozen=True)
class TrainSettings(Settings):
    """Settings of one stage of training; the learning-rate defaults are those of YOLOv5's low-augmentation recipe.

    lr0 is the rate at the start and lrf the fraction of it at the end (linear between); sr is the sparsity rate on the
    batch-norm gammas, 0 for none; shortcuts says whether those that additions unite are among them ("group") or not
    ("keep"), and protect names layers that are not. With target_share above 0, sr is where the steering starts that
    brings this share of the gammas near zero, and 0 lets it choose (docs/adr/0020); map_drop is how many points of
    mAP@0.5:0.95 on val it may cost, 0 for any number. With a plan the gammas alone are penalised whose channels it
    removes, and target_share is a share of these. batch_size counts the images of all processes; a step takes
    `accumulate` batches. Rates are a step as it is: gradients are those of the summed loss of its images.
    The last close_mosaic epochs of a longer run see whole images. letterbox says what an image is padded with:
    "grey" as YOLOv5 does it, "board" as the board does it, "mixed" grey in training and the board's in validation.
    The warm-up is warmup_epochs long, at least warmup_steps steps and at most a third of the run; with SGD the biases
    then start at warmup_bias_lr, everything else at 0. distill_outputs and distill_features weigh what is learnt from
    a teacher, where there is one (compress/train/distill.py).
    select is what the best epoch is chosen by; `gains` replaces gains of the family's loss.

    Options without a help text are for Python alone. Raises UsageError for a value out of its range.
    """

    data: str = option(metavar="FILE", help="the data set's data.yaml")
    epochs: int = option(100, low=1, high=100_000, help="passes over the training images")
    batch_size: int = option(16, low=1, high=4096, help="images a batch, of all processes together")
    accumulate: int = option(1, low=1, high=1024, help="batches a step")
    imgsz: int = option(
        640, kind=network_side, low=32, high=4096, multiple=32, help="side of the square network input in pixels"
    )
    optimizer: str = option(
        "sgd",
        choices=OPTIMIZERS,
        aliases=(("adam", "adam"), ("adamw", "adamw")),
        help="how weights are updated; adam and adamw want an --lr0 of 0.001 or so",
    )
    lr0: float = option(0.01, low=1e-9, high=10, help="learning rate at the start")
    lrf: float = option(0.01, low=0, high=1)
    momentum: float = 0.937
    weight_decay: float = option(
        5e-4, low=0, high=1, help="of all weights but biases and norms'; with adamw apart from the gradient: 0.05 or so"
    )
    warmup_epochs: float = 3.0
    warmup_steps: int = 100
    warmup_bias_lr: float = 0.1
    clip_norm: float = 10.0
    sr: float = option(0.0, low=0, high=100)
    sparsity: str = option("subgradient", choices=SPARSITY_RULES)
    shortcuts: str = option("group", choices=SHORTCUTS)
    protect: tuple[str, ...] = option((), many=True)
    target_share: float = option(0.0, low=0, high=0.95)
    plan: str | None = option(None)
    map_drop: float = option(0.0, low=0, high=100)
    amp: str = option("auto", choices=PRECISIONS, help="mixed precision; auto: fp16 on a GPU, none elsewhere")
    letterbox: str = option(
        "mixed",
        choices=LETTERBOXES,
        help="pad images as the board does (top-left on green), with centred grey, or with grey in training and as "
        "the board in validation",
    )
    select: str = option(
        "map",
        choices=MEASURES,
        help="what the best epoch is chosen by: 0.9 mAP@0.5:0.95 + 0.1 mAP@0.5, or the best F1",
    )
    close_mosaic: int = option(
        10, low=0, high=100_000, metavar="N", help="the last N epochs of a longer run see whole images"
    )
    workers: int = option(1, low=0, high=256, help="loading processes")
    seed: int = option(0, low=0, high=2**31, help="of all random numbers")
    augmentation: dict[str, float] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    distill_outputs: float = option(1.0, low=0, high=1000)
    distill_features: float = option(0.0, low=0, high=1000)

    @property
    def sparse(self) -> bool:
        """Whether gammas are penalised."""
        return self.sr > 0 or self.target_share > 0

    @property
    def mosaic_ends(self) -> int:
        """The epoch, counted from 0, from which on whole images are seen."""
        return self.epochs - self.close_mosaic if self.epochs > self.close_mosaic else self.epochs

    @property
    def teacher_leaves(self) -> int:
        """The epoch, counted from 0, from which on nothing is learnt from a teacher: where whole images are seen, but
        not before two thirds of the run, or a run hardly longer than close_mosaic would have a teacher in name only."""
        return max(self.mosaic_ends, self._last_third)

    def recalibration_images(self, epoch: int) -> int:
        """Over how many images batch-norm statistics are averaged after `epoch`, counted from 0.

        64 say as much as 256 while the weights still move (docs/adr/0055). In the last third, from which the kept epoch
        comes and where half a point matters, it takes 128.
        """
        return 64 if epoch < self._last_third else 128

    @staticmethod
    def final_images(images: int) -> int:
        """Over how many images the batch norms of the checkpoint that is kept are averaged, of a set of `images`.

        One pass at the end costs little; the set twice is enough where it is small (docs/adr/0056).
        """
        return min(FINAL_IMAGES, 2 * images)

    @property
    def _last_third(self) -> int:
        """The epoch, counted from 0, with which it begins."""
        return self.epochs * 2 // 3

    def as_plain(self) -> dict[str, Any]:
        """The settings as JSON can hold them, without what does not change the result."""
        plain = asdict(self)
        plain.pop("workers")
        plain["data"] = Path(self.data).name
        if self.protect:
            plain["protect"] = list(self.protect)
        else:
            del plain["protect"]  # so that a run that was begun before there was such a setting can go on
        plain["plan"] = Path(self.plan).name if self.plan else None
        return plain
