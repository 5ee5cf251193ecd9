"""What a training run is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from compute_mAP.errors import UsageError

SPARSITY_RULES = ("subgradient", "proximal")


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one stage of training; the learning-rate defaults are those of YOLOv5's low-augmentation recipe.

    lr0 is the rate at the start and lrf the fraction of it at the end (linear between); sr is the sparsity rate on the
    batch-norm gammas, 0 for none; `gains` replaces gains of the family's loss.
    Rates are a batch as it is: gradients are those of the summed loss of a batch.
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
            ("seed", 0, 2**31),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"--{name.replace('_', '-')} is {value}, expected {low} to {high}")
        if self.imgsz % 32 or not 32 <= self.imgsz <= 4096:
            raise UsageError(f"--imgsz is {self.imgsz}, expected a multiple of 32 from 32 to 4096")
        if self.optimizer not in ("sgd", "adam"):
            raise UsageError(f"--optimizer is '{self.optimizer}', expected sgd or adam")
        if self.sparsity not in SPARSITY_RULES:
            raise UsageError(f"--sparsity is '{self.sparsity}', expected one of {', '.join(SPARSITY_RULES)}")

    def as_plain(self) -> dict[str, Any]:
        """The settings as JSON can hold them, without what does not change the result."""
        plain = asdict(self)
        plain.pop("workers")
        plain["data"] = Path(self.data).name
        return plain
