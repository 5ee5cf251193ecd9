"""mindx.sdk.base.Model: the .onnx beside the .om that a script names."""

from __future__ import annotations

from typing import Any

import numpy as np

from deploy.host.model import model as engine
from deploy.host.sdk.mindx.sdk.base.enums import dtype, visionDataFormat
from deploy.host.sdk.mindx.sdk.base.faults import error, runtime_errors
from deploy.host.sdk.mindx.sdk.base.tensor import Tensor
from deploy.sdk_codes import INVALID_PARAM


class Model:
    """As on a board, inputs are compared by their bytes; with an AIPP file beside the model the first one is an image.

    Raises RuntimeError with the SDK's code and a sentence.
    """

    def __init__(self, modelPath: Any, deviceId: int = 0) -> None:
        with runtime_errors():
            self._model = engine.Model(str(modelPath), "Model", one_by_one=True, device=deviceId)
        self._device = deviceId

    @property
    def input_num(self) -> int:
        return len(self._model.inputs)

    @property
    def output_num(self) -> int:
        return len(self._model.outputs)

    @property
    def input_format(self) -> visionDataFormat:
        return visionDataFormat.NHWC if self._model.channels_last else visionDataFormat.NCHW

    def input_shape(self, index: int) -> list[int]:
        """-1 stands for a side that the model leaves open."""
        return list(self._model.board_input(index)[1])

    def output_shape(self, index: int) -> list[int]:
        return list(self._model.outputs[index].shape)

    def input_dtype(self, index: int) -> dtype:
        return dtype.of(self._model.board_input(index)[0])

    def output_dtype(self, index: int) -> dtype:
        return dtype.of(self._model.outputs[index].dtype)

    def model_gear(self) -> list[list[int]]:
        """Sizes to choose from: an ONNX file has none."""
        return []

    def infer(self, inputs: Any) -> list[Tensor]:
        """The outputs for a Tensor for each input, or for the one of a model with one."""
        tensors = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise error(INVALID_PARAM, f"infer takes Tensors, not {type(tensor).__name__}")
        with runtime_errors():
            (outputs,) = self._model.infer([[np.asarray(tensor) for tensor in tensors]])
        made = [Tensor(output) for output in outputs]
        for tensor in made:
            tensor.to_device(self._device)
        return made
