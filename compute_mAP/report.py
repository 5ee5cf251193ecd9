"""What a scoring run found, as a JSON object and as lines for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Report:
    """Mean average precisions in 0..1 over the classes that have ground truth.

    `map50` and `map75` are at IoU 0.5 and 0.75, `map50_95` is the mean over 0.5, 0.55, ... 0.95. `ap50` holds every
    class in the order of the names, None where the set has no ground truth of it. `images` counts all images of
    the set, the failed ones included. `notes` are sentences about what was missing or left out.
    """

    protocol: str
    map50: float
    map75: float
    map50_95: float
    images: int
    failed_images: int
    ap50: dict[str, float | None]
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints: plain numbers, strings and None; the notes go to stderr instead."""
        return {
            "schema_version": SCHEMA_VERSION,
            "protocol": self.protocol,
            "map50": self.map50,
            "map75": self.map75,
            "map50_95": self.map50_95,
            "images": self.images,
            "failed_images": self.failed_images,
            "ap50": dict(self.ap50),
        }

    def to_text(self) -> str:
        """The lines for people: a number never without its protocol."""
        failed = f", {self.failed_images} of them failed" if self.failed_images else ""
        means = (("mAP@0.5", self.map50), ("mAP@0.75", self.map75), ("mAP@0.5:0.95", self.map50_95))
        lines = [f"{name} ({self.protocol}) = {value:.4f}" for name, value in means]
        lines.append(f"images = {self.images}{failed}")
        for name, value in self.ap50.items():
            lines.append(f"AP@0.5 for {name} = " + ("n/a (no ground truth)" if value is None else f"{value:.4f}"))
        return "\n".join(lines)
