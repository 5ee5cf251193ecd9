"""What is known of the chips: peak rates, and between what bounds real layers stay below them.

Peaks: 4096 half-precision multiply-accumulates a cycle and AI core (16 x 16 x 16, the Cube unit), as public
descriptions of the DaVinci architecture have it, with the vendor's figures of 22, 140, 20 and 8 TOPS int8 for Ascend
310, 310P, 310B1 and 310B4; half precision is half of that. Memory: 51.2 GB/s (LPDDR4X) and 204.8 GB/s. None of it was
measured by this project. How much of the peaks small convolutional layers reach and what launching an operator costs
are assumptions, given as bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from deploy.errors import UsageError
from deploy.wording import nearest

DEFAULT_SOC = "Ascend310"


@dataclass(frozen=True)
class Chip:
    """`peak` in half-precision floating-point operations a second. Bounds are (optimistic, pessimistic):

    `utilisation` of the peak in convolutions, 0..1; `bandwidth` in bytes a second; `launch` in seconds an operator.
    Pessimistic values are at most twice as bad as optimistic ones, and so is every estimate.
    """

    name: str
    peak: float
    utilisation: tuple[float, float]
    bandwidth: tuple[float, float]
    launch: tuple[float, float]


_SHARE = (0.30, 0.15)
_LAUNCH = (10e-6, 20e-6)
CHIPS = {
    chip.name: chip
    for chip in (
        Chip("Ascend310", 11e12, _SHARE, (50e9, 25e9), _LAUNCH),
        Chip("Ascend310P3", 70e12, _SHARE, (200e9, 100e9), _LAUNCH),
        Chip("Ascend310B1", 10e12, _SHARE, (50e9, 25e9), _LAUNCH),
        Chip("Ascend310B4", 4e12, _SHARE, (50e9, 25e9), _LAUNCH),
    )
}


def find_chip(soc: str) -> Chip:
    """The chip of an ATC --soc_version. Other versions of a family stand for the nearest one that is known.

    Raises UsageError for a chip that no figures are known of.
    """
    if soc in CHIPS:
        return CHIPS[soc]
    for family in ("Ascend310P", "Ascend310B"):
        if soc.startswith(family):
            return next(chip for name, chip in CHIPS.items() if name.startswith(family))
    raise UsageError(f"--soc is {soc}{nearest(soc, CHIPS)}, expected one of {', '.join(CHIPS)}")
