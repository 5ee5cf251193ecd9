"""What the network gets for an image: the bundle's own pipeline, decoder, letterbox and AIPP, up to
the model, in whose place a network stands that hands out what it is given."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from deploy.bundle import Bundle
from deploy.console import Progress
from deploy.errors import DataError
from deploy.run.images import read_image
from deploy.run.tensor_stream import TensorStream


class NetworkInputs(Sequence[np.ndarray]):
    """float32 [1, 3, H, W] for each image, kept in half precision, which holds all values of board numerics exactly."""

    def __init__(self, values: Sequence[np.ndarray]) -> None:
        self._values = [np.asarray(value, np.float16) for value in values]

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]
        return self._values[number].astype(np.float32)


def network_inputs(bundle: Bundle, files: Sequence[Path]) -> NetworkInputs:
    """The network's input for each image that can be read, in board numerics; what cannot is told of on stderr.

    Raises DataError where no image can be read, ModelError for a pipeline that is no chain to one model.
    """
    values, faults = [], []
    progress = Progress("calibration images:", len(files))
    try:
        with input_stream(bundle, "board") as stream:
            for file in files:
                try:
                    values.append(stream(read_image(file.parent, file.stem))[0])
                except (DataError, ValueError) as fault:
                    faults.append(str(fault))
                    progress.fault(file.name, str(fault))
                progress.step()
    finally:
        progress.finish()
    if not values:
        raise DataError(f"none of the {len(files)} calibration images can be read: {faults[0]}")
    return NetworkInputs(values)


@contextmanager
def input_stream(bundle: Bundle, numerics: str) -> Iterator[TensorStream]:
    """A stream that gives the network's input, float32 [1, 3, H, W], for an image: the bundle's pipeline up to its
    model, in whose place a network stands that hands out what it is given."""
    height, width = bundle.imgsz
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.om"
        onnx.save(_mirror(height, width), str(model.with_suffix(".onnx")))
        for file in bundle.folder.glob("*aipp.cfg"):
            shutil.copyfile(file, model.parent / file.name)
        with TensorStream(bundle, numerics, str(model)) as stream:
            yield stream


def _mirror(height: int, width: int) -> onnx.ModelProto:
    """A network that passes its input on."""
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, height, width]) for name in ("in", "out")
    ]
    graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "mirror", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
