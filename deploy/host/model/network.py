"""What computes a model: one small interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from deploy.acl.metadata import StaticAipp

FREE = -1
"""A side that the model leaves open."""


class Port(NamedTuple):
    """An input or output: its name, element type and shape, FREE where a side is left open."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        sides = ", ".join("?" if side == FREE else str(side) for side in self.shape)
        return f"{self.dtype} [{sides}]"


class Network(Protocol):
    """A model that is loaded. Several threads may call `run` at the same time."""

    path: Path
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    aipp: StaticAipp | None
    """The image that the first input takes, where AIPP is inside the model."""
    channels: int
    """Those that the network has behind such an AIPP."""
    on_chip: bool
    """Whether `run` waits for a chip, and leaves the core meanwhile."""

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs, in the order of `outputs`, for an array of the right type and shape for each of `inputs`.

        Raises SdkFault 1001 where the model cannot be computed.
        """

    def close(self) -> None:
        """A run that is under way ends soon, perhaps with an error."""
