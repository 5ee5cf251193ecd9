"""An ONNX file, computed by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from deploy.acl.metadata import StaticAipp
from deploy.host.log import log
from deploy.host.model.ascend_int8 import FUSIONS, has_ascend_operators, in_computed_order, lowered
from deploy.host.model.half import rounded_to_half
from deploy.host.model.network import FREE, Port
from deploy.host.model.qdq_form import in_ascend_form
from deploy.host.numerics import EXACT
from deploy.sdk_codes import FAILURE, INVALID_PARAM, READ_FAIL, SdkFault
from deploy.wire.onnx_limits import read_model

_TYPES = {
    "float": "float32",
    "double": "float64",
    **{kind: kind for kind in ("float16", "bool")},
    **{kind: kind for bits in (8, 16, 32, 64) for kind in (f"int{bits}", f"uint{bits}")},
}


class OnnxNetwork:
    """One thread computes one call; the engine has one worker a core, so that many images are on their way at once.

    That gives more images a second for less CPU time than several threads on one image. Raises SdkFault: 1020 where
    onnxruntime cannot read the file, 1004 for inputs or outputs that are no tensors of numbers.
    """

    aipp: StaticAipp | None = None
    channels = 0
    on_chip = False

    def __init__(self, path: Path, half: bool, int8: str = EXACT) -> None:
        self.path = path
        self._session = self._load(half, int8)
        self.inputs: Sequence[Port] = [self._port("input", entry) for entry in self._session.get_inputs()]
        self.outputs: Sequence[Port] = [self._port("output", entry) for entry in self._session.get_outputs()]
        self._output_names = [port.name for port in self.outputs]
        self._input_names = [port.name for port in self.inputs]
        self._run_options = onnxruntime.RunOptions()

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        feed = dict(zip(self._input_names, values))
        try:
            outputs: list[np.ndarray] = self._session.run(self._output_names, feed, self._run_options)
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            raise SdkFault(FAILURE, f"onnxruntime cannot run the model {self.path}: {_first_line(error)}") from None
        return outputs

    def close(self) -> None:
        self._run_options.terminate = True

    def _load(self, half: bool, int8: str) -> onnxruntime.InferenceSession:
        try:
            content = read_model(self.path)
        except OSError as error:
            raise SdkFault(READ_FAIL, f"cannot read the model {self.path}: {error.strerror or error}") from None
        except (ValueError, IndexError) as error:
            raise SdkFault(READ_FAIL, f"the model {self.path} is no ONNX model that can run: {error}") from None
        try:
            content = in_ascend_form(content)
            ascend = has_ascend_operators(content)
            if not half and not ascend:
                return self._session_of(str(self.path))
            content = in_computed_order(content) if ascend else content
            computed = rounded_to_half(content) if half else content
            if ascend:
                return self._session_of(lowered(computed, int8), FUSIONS)
        except (OSError, ValueError) as error:
            if not half:
                return self._session_of(str(self.path), fault=str(error))
            raise SdkFault(
                READ_FAIL, f"cannot read the model {self.path}: {error}; float numerics may be able to run it"
            ) from None
        try:
            return self._session_of(computed)
        except SdkFault:
            session = self._session_of(str(self.path))  # where it is the model itself, this says so
            log.warning("%s has operators that cannot be rounded to float16: it computes in float32", self.path)
            return session

    def _session_of(
        self, model: str | bytes, without: Sequence[str] = (), fault: str = ""
    ) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what it says, the exception says too
        try:
            return onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without)
            )
        except Exception as error:
            told = fault if fault and "Ascend" in fault else _first_line(error)
            raise SdkFault(READ_FAIL, f"onnxruntime cannot read the model {self.path}: {told}") from None

    def _port(self, what: str, entry: Any) -> Port:
        kind = str(entry.type)
        name = kind[len("tensor(") : -1] if kind.startswith("tensor(") else ""
        if name not in _TYPES:
            raise SdkFault(
                INVALID_PARAM, f"{self.path}: {what} {entry.name} is {kind}; a board takes and gives tensors of numbers"
            )
        shape = tuple(side if isinstance(side, int) and side >= 0 else FREE for side in entry.shape)
        return Port(entry.name, np.dtype(_TYPES[name]), shape)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
