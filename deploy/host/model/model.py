"""The model that a stream runs. The pipeline names the .om; the host runs the .onnx of the same name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from deploy.aipp.read import read_aipp
from deploy.aipp.rule import AippRule, aipp_rule
from deploy.host.log import log
from deploy.host.metadata.values import Image
from deploy.host.model.half import rounded_to_half
from deploy.host.model.model_input import ModelInput
from deploy.host.numerics import current
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, READ_FAIL, UNREALIZED, SdkFault

AIPP_FILE = "aipp.cfg"
_FLOAT32 = "tensor(float)"


class Model:
    """An ONNX file on the CPU; `aipp.cfg` beside it says what its input is made of.

    An image is inferred by one thread; the engine has one worker a core, so that many images are on their way at
    once. That gives more images a second for less CPU time than several threads on one image.

    In float numerics the model computes as it is; where the numerics say half, as one of float16.

    `model_path` is the pipeline's modelPath, `element` the element that runs it (it begins the sentences of faults).
    Raises SdkFault: 1016 no such model, 1020 onnxruntime cannot read it, 1004 inputs or outputs that do not fit.
    """

    def __init__(self, model_path: str, element: str) -> None:
        self._element = element
        numerics = current()
        self.path = self._onnx_path(model_path)
        self._session = self._load(model_path, numerics.half)
        self._input, net = self._check_input()
        rule = self._read_rule(net)
        self._channels, self._has_aipp = net[0], rule is not None
        self.input_size = (rule.width, rule.height) if rule else (net[2], net[1])  # (width, height) in pixels
        self.output_shapes: Sequence[Sequence[int]] = [output.shape for output in self._session.get_outputs()]
        for output in self._session.get_outputs():
            if output.type != _FLOAT32 or not all(isinstance(side, int) for side in output.shape):
                raise self._fault(
                    INVALID_PARAM,
                    f"{self.path}: output {output.name} is {output.type} {output.shape}; expected float32 of a "
                    "fixed shape",
                )
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._prepare = ModelInput(rule, net, numerics)
        self._run_options = onnxruntime.RunOptions()

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """The input's shape on the board: with AIPP it takes [1, height, width, channels], else as in the ONNX file."""
        width, height = self.input_size
        return (1, height, width, self._channels) if self._has_aipp else (1, self._channels, height, width)

    def run(self, image: Image) -> list[np.ndarray]:
        """The outputs for an image of `input_size`: float32 of `output_shapes`, in the model's order.

        Raises SdkFault 3001 for an image of another format than AIPP takes.
        """
        buffers = self._prepare(image)
        try:
            outputs: list[np.ndarray] = self._session.run(self._outputs, {self._input: buffers[0]}, self._run_options)
        finally:
            self._prepare.release(buffers)
        return outputs

    def close(self) -> None:
        self._run_options.terminate = True  # a run that is under way returns at once, with an error

    def _onnx_path(self, model_path: str) -> Path:
        path = Path(model_path)
        if path.suffix not in (".om", ".onnx"):
            raise self._fault(INVALID_PARAM, f"modelPath is {path}; it names an .om file, beside which the .onnx lies")
        return path.with_suffix(".onnx")

    def _load(self, model_path: str, half: bool) -> onnxruntime.InferenceSession:
        path = self.path
        if not path.is_file():
            raise self._fault(NO_EXIST, f"there is no model {path}; the host engine runs the .onnx beside {model_path}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            model = rounded_to_half(path.read_bytes()) if half else str(path)
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise self._fault(READ_FAIL, f"onnxruntime cannot read the model {path}: {reason}") from None

    def _check_input(self) -> tuple[str, tuple[int, int, int]]:
        """The name of the one input [1, channels, height, width], and its shape without the batch."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(entry.name for entry in inputs)
            raise self._fault(UNREALIZED, f"{self.path} has {len(inputs)} inputs ({names}); the host engine takes one")
        shape = inputs[0].shape
        fixed = len(shape) == 4 and all(isinstance(side, int) and side > 0 for side in shape)
        if inputs[0].type != _FLOAT32 or not fixed or shape[0] != 1 or shape[1] not in (1, 3, 4):
            raise self._fault(
                INVALID_PARAM,
                f"{self.path}: input {inputs[0].name} is {inputs[0].type} {shape}; expected float32 "
                "[1, 3, height, width] of a fixed size (1 and 4 channels where AIPP makes them)",
            )
        return inputs[0].name, (shape[1], shape[2], shape[3])

    def _read_rule(self, net: tuple[int, int, int]) -> AippRule | None:
        path = self.path.with_name(AIPP_FILE)
        if not path.exists():
            if net[0] != 3:
                raise self._fault(INVALID_PARAM, f"{self.path} takes {net[0]} channels, and no {AIPP_FILE} makes them")
            log.warning("%s: no %s beside the model: it gets RGB divided by 255", self._element, AIPP_FILE)
            return None
        try:
            return aipp_rule(read_aipp(path), net, str(path))
        except SdkFault as fault:
            raise self._fault(fault.code, fault.sentence) from None

    def _fault(self, code: int, sentence: str) -> SdkFault:
        return SdkFault(code, f"{self._element}: {sentence}")
