"""The model that a stream runs. The pipeline names the .om; the host runs the .onnx of the same name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from deploy.host.aipp import UNIT_RGB, Normalisation, normalisation, read_aipp
from deploy.host.frame import Picture
from deploy.host.normalise import Normaliser
from deploy.host.plugins.base import log
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, READ_FAIL, UNREALIZED, SdkFault

AIPP_FILE = "aipp.cfg"
_FLOAT32 = "tensor(float)"


class Model:
    """An ONNX file on the CPU; `aipp.cfg` beside it says what its input is made of.

    A picture is inferred by one thread; the engine has one worker a core, so that many pictures are on their way at
    once. That gives more pictures a second for less CPU time than several threads on one picture.

    `model_path` is the pipeline's modelPath, `element` the element that runs it (it begins the sentences of faults).
    Raises SdkFault: 1016 no such model, 1020 onnxruntime cannot read it, 1004 inputs or outputs that do not fit.
    """

    def __init__(self, model_path: str, element: str) -> None:
        self._element = element
        self.path = self._onnx_path(model_path)
        self._session = self._load(model_path)
        self._input, self.input_size = self._check_input()  # (width, height) in pixels
        self.output_shapes: Sequence[Sequence[int]] = [output.shape for output in self._session.get_outputs()]
        for output in self._session.get_outputs():
            if output.type != _FLOAT32 or not all(isinstance(side, int) for side in output.shape):
                raise self._fault(
                    INVALID_PARAM,
                    f"{self.path}: output {output.name} is {output.type} {output.shape}; expected float32 of a "
                    "fixed shape",
                )
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._normalise = Normaliser(*self.input_size, self._read_normalisation())
        self._run_options = onnxruntime.RunOptions()

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """The input's shape on the board: with AIPP it takes [1, height, width, channels], else as in the ONNX file."""
        width, height = self.input_size
        return (1, height, width, 3) if self.path.with_name(AIPP_FILE).exists() else (1, 3, height, width)

    def run(self, picture: Picture) -> list[np.ndarray]:
        """The outputs for a picture of `input_size`: float32 of `output_shapes`, in the model's order."""
        buffers = self._normalise(picture.pixels)
        try:
            outputs: list[np.ndarray] = self._session.run(self._outputs, {self._input: buffers[0]}, self._run_options)
        finally:
            self._normalise.release(buffers)
        return outputs

    def close(self) -> None:
        self._run_options.terminate = True  # a run that is under way returns at once, with an error

    def _onnx_path(self, model_path: str) -> Path:
        path = Path(model_path)
        if path.suffix not in (".om", ".onnx"):
            raise self._fault(INVALID_PARAM, f"modelPath is {path}; it names an .om file, beside which the .onnx lies")
        return path.with_suffix(".onnx")

    def _load(self, model_path: str) -> onnxruntime.InferenceSession:
        path = self.path
        if not path.is_file():
            raise self._fault(NO_EXIST, f"there is no model {path}; the host engine runs the .onnx beside {model_path}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise self._fault(READ_FAIL, f"onnxruntime cannot read the model {path}: {reason}") from None

    def _check_input(self) -> tuple[str, tuple[int, int]]:
        """The name of the one input [1, 3, height, width], and (width, height)."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(entry.name for entry in inputs)
            raise self._fault(UNREALIZED, f"{self.path} has {len(inputs)} inputs ({names}); the host engine takes one")
        shape = inputs[0].shape
        fixed = len(shape) == 4 and all(isinstance(side, int) and side > 0 for side in shape)
        if inputs[0].type != _FLOAT32 or not fixed or shape[:2] != [1, 3]:
            raise self._fault(
                INVALID_PARAM,
                f"{self.path}: input {inputs[0].name} is {inputs[0].type} {shape}; expected float32 "
                "[1, 3, height, width] of a fixed size",
            )
        return inputs[0].name, (shape[3], shape[2])

    def _read_normalisation(self) -> Normalisation:
        path = self.path.with_name(AIPP_FILE)
        if not path.exists():
            log.warning("%s: no %s beside the model: it gets RGB divided by 255", self._element, AIPP_FILE)
            return UNIT_RGB
        try:
            return normalisation(read_aipp(path), *self.input_size, str(path))
        except SdkFault as fault:
            raise self._fault(fault.code, fault.sentence) from None

    def _fault(self, code: int, sentence: str) -> SdkFault:
        return SdkFault(code, f"{self._element}: {sentence}")
