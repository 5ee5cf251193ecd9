"""What the network gets for an image: the bundle's own pipeline, decoder, letterbox and AIPP in board numerics, up to
the model, in whose place a network stands that hands out what it is given."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from deploy.bundle import Bundle
from deploy.console import Progress
from deploy.errors import DataError
from deploy.run.images import read_image
from deploy.run.pipeline_file import PipelineFile
from deploy.run.raw_pipeline import tensor_pipeline
from deploy.run.stream import find_engine
from deploy.wire.metadata import read_tensors

_PIPELINE = "eval.pipeline"
_SOC = "--soc_version="


class NetworkInputs(Sequence[np.ndarray]):
    """float32 [1, 3, H, W] for each image, kept in half precision, which holds all values of board numerics exactly."""

    def __init__(self, values: Sequence[np.ndarray]) -> None:
        self._values = [np.asarray(value, np.float16) for value in values]

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]
        return self._values[number].astype(np.float32)


def network_inputs(bundle: Bundle, files: Sequence[Path]) -> NetworkInputs:
    """The network's input for each image that can be read; what cannot is told of on stderr.

    Raises DataError where no image can be read, ModelError for a pipeline that is no chain to one model.
    """
    pipeline = PipelineFile(bundle.folder / _PIPELINE, bundle.folder)
    height, width = bundle.imgsz
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.om"
        onnx.save(_mirror(height, width), str(model.with_suffix(".onnx")))
        for file in bundle.folder.glob("*aipp.cfg"):
            shutil.copyfile(file, model.parent / file.name)
        text, name = tensor_pipeline(pipeline, str(model))
        return NetworkInputs(_streamed(text, pipeline.stream_name, name, _soc(bundle), files))


def _streamed(text: str, stream: str, element: str, soc: str, files: Sequence[Path]) -> list[np.ndarray]:
    module = find_engine("host").module
    api = module.StreamManagerApi()
    api.SetNumerics("board", soc)
    api.InitManager()
    code = api.CreateMultipleStreams(text.encode())
    if code != 0:
        raise DataError(f"the bundle's stream cannot be created: {api.LastError()}")
    keys = module.StringVector()
    keys.push_back(element.encode())
    values, faults = [], []
    progress = Progress("calibration images:", len(files))
    try:
        for file in files:
            try:
                values.append(_input_of(api, module, stream, keys, read_image(file.parent, file.stem)))
            except (DataError, ValueError) as fault:
                faults.append(str(fault))
                progress.fault(file.name, str(fault))
            progress.step()
    finally:
        progress.finish()
        api.DestroyAllStreams()
    if not values:
        raise DataError(f"none of the {len(files)} calibration images can be read: {faults[0]}")
    return values


def _input_of(api: object, module: object, stream: str, keys: object, image: bytes) -> np.ndarray:
    data = module.MxDataInput()  # type: ignore[attr-defined]
    data.data = image
    if api.SendData(stream.encode(), 0, data) != 0:  # type: ignore[attr-defined]
        raise DataError(f"the stream refuses it: {api.LastError()}")  # type: ignore[attr-defined]
    entries = list(api.GetProtobuf(stream.encode(), 0, keys))  # type: ignore[attr-defined]
    if not entries or entries[0].errorCode != 0:
        raise DataError(f"the stream answers: {api.LastError()}")  # type: ignore[attr-defined]
    (tensors,) = read_tensors(bytes(entries[0].messageBuf))
    return np.frombuffer(tensors[0].data, np.float32).reshape(tensors[0].shape)


def _mirror(height: int, width: int) -> onnx.ModelProto:
    """A network that passes its input on."""
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, height, width]) for name in ("in", "out")
    ]
    graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "mirror", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


def _soc(bundle: Bundle) -> str:
    return next((entry[len(_SOC) :] for entry in bundle.atc if entry.startswith(_SOC)), "")
