"""From work to an estimated latency range on a chip.

Each operator takes the longer of computing and moving its bytes, plus what launching it costs:
max(padded operations / (peak * utilisation), bytes / bandwidth) + launch; the roofline of Williams et al. 2009 with
channels in whole blocks. The bounds of these assumptions give a range, whose upper end is at most twice its lower end.
It is an estimate until a profile of the board calibrates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compress.cost.chips import Chip
from compress.cost.work import Work

SPREAD = 1.15
"""Either way around a calibrated estimate: what one profile says of another model of the family."""


@dataclass(frozen=True)
class Range:
    """Milliseconds, the optimistic and the pessimistic end."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f} ms"

    def __contains__(self, milliseconds: float) -> bool:
        return self.low <= milliseconds <= self.high


@dataclass(frozen=True)
class Calibration:
    """What a measurement says of the estimate's geometric middle: `compute` for convolutions, `other` for the rest."""

    chip: str
    compute: float
    other: float
    source: str


def layer_range(work: Work, chip: Chip) -> Range:
    """One operator, uncalibrated."""
    low, high = (
        max(work.padded_flops / (chip.peak * (2 if work.int8 else 1) * share), work.bytes / bandwidth) + launch
        for share, bandwidth, launch in zip(chip.utilisation, chip.bandwidth, chip.launch, strict=True)
    )
    return Range(1000 * low, 1000 * high)


def estimate(works: Sequence[Work], chip: Chip, calibration: Calibration | None = None) -> Range:
    """All operators one after another."""
    ranges = [layer_range(work, chip) for work in works]
    if calibration is None:
        return Range(sum(r.low for r in ranges), sum(r.high for r in ranges))
    middle = sum(
        (r.low * r.high) ** 0.5 * (calibration.compute if is_compute(work) else calibration.other)
        for work, r in zip(works, ranges, strict=True)
    )
    return Range(middle / SPREAD, middle * SPREAD)


def is_compute(work: Work) -> bool:
    return work.padded_flops > 0
