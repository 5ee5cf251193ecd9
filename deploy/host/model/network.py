"""What computes a model: one small interface. The backend behind it is imported when a model needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, SdkFault

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

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs, in the order of `outputs`, for an array of the right type and shape for each of `inputs`.

        Raises SdkFault 1001 where the model cannot be computed.
        """

    def close(self) -> None:
        """A run that is under way ends soon, with an error."""


def open_network(model_path: str, half: bool) -> Network:
    """The model of a pipeline's modelPath; `half` computes as one of float16.

    Raises SdkFault: 1004 for another kind of file, 1016 where there is none, 1020 for one that cannot be read.
    """
    path = Path(model_path)
    if path.suffix not in (".om", ".onnx"):
        raise SdkFault(INVALID_PARAM, f"modelPath is {path}; it names an .om file, beside which the .onnx lies")
    path = path.with_suffix(".onnx")
    if not path.is_file():
        raise SdkFault(NO_EXIST, f"there is no model {path}; the host engine runs the .onnx beside {model_path}")
    from deploy.host.model.onnx_network import OnnxNetwork

    return OnnxNetwork(path, half)
