"""Runs the float model and hands out its inner tensors, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import onnx

from compress.graph.onnx_proof import open_session


class FloatRun:
    """A session of the model whose `tensors` can be read; no more than one image's are in memory at a time."""

    def __init__(self, model: onnx.ModelProto, tensors: Sequence[str], without: Sequence[str] = ()) -> None:
        shown = onnx.ModelProto()
        shown.CopyFrom(model)
        self._input = _input_name(model)
        self.outputs = [value.name for value in model.graph.output]
        inner = [name for name in dict.fromkeys(tensors) if name not in (self._input, *self.outputs)]
        shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner)
        self._session = open_session(shown.SerializeToString(), without=without)
        self._tensors = list(dict.fromkeys(tensors))

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Each of the tensors for float32 [1, 3, H, W]."""
        wanted = [name for name in self._tensors if name != self._input]
        found = dict(zip(wanted, self._session.run(wanted, {self._input: image}), strict=True))
        return {**found, self._input: image} if self._input in self._tensors else found

    def over(self, images: Iterable[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        return map(self, images)


def outputs_over(
    content: bytes, images: Iterable[np.ndarray], without: Sequence[str] = ()
) -> Iterator[list[np.ndarray]]:
    """The outputs of a serialised model for each image; `without` names optimisers of onnxruntime to leave out."""
    session = open_session(content, without=without)
    name = session.get_inputs()[0].name
    for image in images:
        yield session.run(None, {name: image})


def up_to(model: onnx.ModelProto, tensors: Sequence[str]) -> onnx.ModelProto:
    """A copy whose only outputs are the tensors, so that onnxruntime leaves out what lies behind them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    return copy


def _input_name(model: onnx.ModelProto) -> str:
    weights = {entry.name for entry in model.graph.initializer}
    return next(value.name for value in model.graph.input if value.name not in weights)
