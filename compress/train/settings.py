"""What a training run is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.errors import UsageError
from deploy.wording import nearest

OPTIMIZERS = ("sgd", "adam")
SPARSITY_RULES = ("subgradient", "proximal")
SHORTCUTS = ("group", "keep")
PRECISIONS = ("auto", "off", "bf16", "fp16")
LETTERBOXES = ("mixed", "board", "grey")
MEASURES = ("map", "f1")


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one stage of training; the learning-rate defaults are those of YOLOv5's low-augmentation recipe.

    lr0 is the rate at the start and lrf the fraction of it at the end (linear between); sr is the sparsity rate on the
    batch-norm gammas, 0 for none; shortcuts says whether those that additions unite are among them ("group") or not
    ("keep"). With target_share above 0, sr is where the steering starts that brings this share of
    the gammas near zero, and 0 lets it choose (docs/adr/0020). batch_size counts the images of all processes; a step
    takes `accumulate` batches. Rates are a step as it is: gradients are those of the summed loss of its images.
    The last close_mosaic epochs of a longer run see whole images. letterbox says what an image is padded with:
    "grey" as YOLOv5 does it, "board" as the board does it, "mixed" grey in training and the board's in validation.
    select is what the best epoch is chosen by; `gains` replaces gains of the family's loss.
    """

    data: str
    epochs: int = 100
    batch_size: int = 16
    imgsz: int = 640
    lr0: float = 0.01
    lrf: float = 0.01
    momentum: float = 0.937
    weight_decay: float = 5e-4
    warmup_epochs: float = 3.0
    clip_norm: float = 10.0
    optimizer: str = "sgd"
    sr: float = 0.0
    sparsity: str = "subgradient"
    shortcuts: str = "group"
    target_share: float = 0.0
    accumulate: int = 1
    amp: str = "auto"
    letterbox: str = "mixed"
    select: str = "map"
    close_mosaic: int = 10
    workers: int = 1
    seed: int = 0
    augmentation: dict[str, float] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 100_000),
            ("batch_size", 1, 4096),
            ("lr0", 1e-9, 10),
            ("lrf", 0, 1),
            ("workers", 0, 256),
            ("sr", 0, 100),
            ("target_share", 0, 0.95),
            ("accumulate", 1, 1024),
            ("close_mosaic", 0, 100_000),
            ("seed", 0, 2**31),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"--{name.replace('_', '-')} is {value}, expected {low} to {high}")
        if self.imgsz % 32 or not 32 <= self.imgsz <= 4096:
            raise UsageError(f"--imgsz is {self.imgsz}, expected a multiple of 32 from 32 to 4096")
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("sparsity", SPARSITY_RULES),
            ("shortcuts", SHORTCUTS),
            ("amp", PRECISIONS),
            ("letterbox", LETTERBOXES),
            ("select", MEASURES),
        ):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(f"--{name} is '{value}'{nearest(value, known)}, expected one of {', '.join(known)}")

    @property
    def sparse(self) -> bool:
        """Whether gammas are penalised."""
        return self.sr > 0 or self.target_share > 0

    @property
    def mosaic_ends(self) -> int:
        """The epoch, counted from 0, from which on whole images are seen."""
        return self.epochs - self.close_mosaic if self.epochs > self.close_mosaic else self.epochs

    def as_plain(self) -> dict[str, Any]:
        """The settings as JSON can hold them, without what does not change the result."""
        plain = asdict(self)
        plain.pop("workers")
        plain["data"] = Path(self.data).name
        return plain
