"""mxpi_tensorinfer: the model. The pipeline names the .om; the host runs the .onnx of the same name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import onnxruntime

from deploy.host.aipp import UNIT_RGB, Normalisation, normalisation, read_aipp
from deploy.host.description import Element
from deploy.host.frame import Frame, Picture, Tensors
from deploy.host.normalise import Normaliser
from deploy.host.plugins.base import PICTURE, TENSORS, Plugin, log
from deploy.host.properties import COMMON, Property
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, READ_FAIL, SET_INPUT_FAIL, UNREALIZED, SdkFault

AIPP_FILE = "aipp.cfg"
_FLOAT32 = "tensor(float)"
_JPEGD_ALIGNMENT = (128, 16)  # of the decoder's output on Ascend 310


class TensorInfer(Plugin):
    """Runs the ONNX file on the CPU; `aipp.cfg` beside the model says what its input is made of.

    A picture is inferred by one thread; the engine has one worker a core, so that many pictures are on their way at
    once. That gives more pictures a second for less CPU time than several threads on one picture.
    """

    PROPERTIES: ClassVar = {
        **COMMON,
        "modelPath": Property(required=True),
        "dynamicStrategy": Property("Nearest", choices=("Nearest", "Upper", "Lower")),
        "waitingTime": Property("5000", limits=(1, 1_000_000)),
        "outputDeviceId": Property("-1", limits=(-1, 7)),
        "singleBatchInfer": Property("0", choices=("0", "1")),
        "outputHasBatchDim": Property("1", choices=("0", "1")),
        "skipModelCheck": Property("0", choices=("0", "1")),
    }
    produces = TENSORS
    input_size: tuple[int, int]

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        self._path = self._onnx_path()
        self._session = self._load()
        self._input, self.input_size = self._check_input()
        self.output_shapes = [output.shape for output in self._session.get_outputs()]
        for output in self._session.get_outputs():
            if output.type != _FLOAT32 or not all(isinstance(side, int) for side in output.shape):
                raise self.fault(
                    INVALID_PARAM,
                    f"{self._path}: output {output.name} is {output.type} {output.shape}; expected float32 of a "
                    "fixed shape",
                )
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._normalise = Normaliser(*self.input_size, self._read_normalisation())
        self._run_options = onnxruntime.RunOptions()

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        source = self.source(upstream, PICTURE, "dataSource")
        self._source = source.name
        self._source_is_decoder = source.output_size is None
        if source.output_size not in (None, self.input_size):
            made, taken = (f"{size[0]} x {size[1]}" for size in (source.output_size, self.input_size) if size)
            raise self.fault(
                INVALID_PARAM, f"{source.name} makes pictures of {made} px; the model {self._path} takes {taken}"
            )

    def process(self, frame: Frame) -> None:
        picture: Picture = frame.metadata[self._source]
        fits = (picture.width, picture.height) == self.input_size
        if not fits or (self._source_is_decoder and _aligned(picture) != self.input_size):
            raise self._wrong_size(picture)
        buffers = self._normalise(picture.pixels)
        try:
            outputs = self._session.run(self._outputs, {self._input: buffers[0]}, self._run_options)
        finally:
            self._normalise.release(buffers)
        frame.metadata[self.name] = Tensors(outputs, picture)

    def close(self) -> None:
        self._run_options.terminate = True  # a run that is under way returns at once, with an error

    def _onnx_path(self) -> Path:
        path = Path(self.values["modelPath"])
        if path.suffix not in (".om", ".onnx"):
            raise self.fault(INVALID_PARAM, f"modelPath is {path}; it names an .om file, beside which the .onnx lies")
        return path.with_suffix(".onnx")

    def _load(self) -> onnxruntime.InferenceSession:
        path = self._path
        if not path.is_file():
            raise self.fault(
                NO_EXIST, f"there is no model {path}; the host engine runs the .onnx beside {self.values['modelPath']}"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base of their own
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise self.fault(READ_FAIL, f"onnxruntime cannot read the model {path}: {reason}") from None

    def _check_input(self) -> tuple[str, tuple[int, int]]:
        """The name of the one input [1, 3, height, width], and (width, height)."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(entry.name for entry in inputs)
            raise self.fault(UNREALIZED, f"{self._path} has {len(inputs)} inputs ({names}); the host engine takes one")
        shape = inputs[0].shape
        fixed = len(shape) == 4 and all(isinstance(side, int) and side > 0 for side in shape)
        if inputs[0].type != _FLOAT32 or not fixed or shape[:2] != [1, 3]:
            raise self.fault(
                INVALID_PARAM,
                f"{self._path}: input {inputs[0].name} is {inputs[0].type} {shape}; expected float32 "
                "[1, 3, height, width] of a fixed size",
            )
        return inputs[0].name, (shape[3], shape[2])

    def _read_normalisation(self) -> Normalisation:
        path = self._path.with_name(AIPP_FILE)
        if not path.exists():
            log.warning("%s: no %s beside the model: it gets RGB divided by 255", self.name, AIPP_FILE)
            return UNIT_RGB
        try:
            return normalisation(read_aipp(path), *self.input_size, str(path))
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None

    def _wrong_size(self, picture: Picture) -> SdkFault:
        width, height = self.input_size
        found = f"the picture is {picture.width} x {picture.height} px"
        if self._source_is_decoder:
            aligned = _aligned(picture)
            found += f" ({aligned[0]} x {aligned[1]} as the decoder aligns it)"
        return self.fault(
            SET_INPUT_FAIL, f"{found}; the model takes {width} x {height}; put mxpi_imageresize before it"
        )


def _aligned(picture: Picture) -> tuple[int, int]:
    """Width and height of the decoder's buffer on the board, which is what the model's input is compared with there."""
    across, down = _JPEGD_ALIGNMENT
    return -(-picture.width // across) * across, -(-picture.height // down) * down
