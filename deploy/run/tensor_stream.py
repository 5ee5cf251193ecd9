"""A model's raw tensors for one image after another, from the host engine."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from deploy.bundle import Bundle
from deploy.errors import DataError, ModelError
from deploy.run.pipeline_file import PipelineFile
from deploy.run.raw_pipeline import array_of, tensor_pipeline
from deploy.run.stream import HOST, find_engine
from deploy.run.working_folder import inside
from deploy.wire.metadata import read_tensors

if TYPE_CHECKING:
    import numpy as np

PIPELINE = "eval.pipeline"
_SOC = "--soc_version="


class TensorStream:
    """A bundle's eval.pipeline on the host engine, cut behind its model, as a context: inside, it is called with the
    encoded bytes of an image and gives the model's outputs, float32.

    `model` is the absolute path of an OM file, beside which the ONNX lies, in place of the pipeline's own (default: the
    bundle's); `numerics` is "float" or "board". Raises ModelError for a pipeline that is no chain to one model, and
    where the stream cannot be created; a call raises DataError for an image that the stream does not take.
    """

    def __init__(self, bundle: Bundle, numerics: str, model: str = "") -> None:
        folder = bundle.folder.absolute()
        pipeline = PipelineFile(folder / PIPELINE, folder)
        models = pipeline.models()
        if len(models) != 1:
            raise ModelError(f"{pipeline.path}: names {len(models)} models, expected one")
        # a path from the folder on: the folder's own name may be no text that JSON takes
        self._folder = folder
        place = models[0].relative_to(folder) if models[0].is_relative_to(folder) else models[0]
        self._text, element = tensor_pipeline(pipeline, model or str(place))
        self._path, self._name = pipeline.path, pipeline.stream_name.encode()
        self._module: Any = find_engine(HOST).module
        self._keys = self._module.StringVector()
        self._keys.push_back(element.encode())
        self._numerics = numerics
        self._soc = next((entry[len(_SOC) :] for entry in bundle.atc if entry.startswith(_SOC)), "")

    def __enter__(self) -> TensorStream:
        self._api = self._module.StreamManagerApi()
        self._api.SetNumerics(self._numerics, self._soc)
        self._api.InitManager()
        with inside(self._folder):
            code = self._api.CreateMultipleStreams(self._text.encode())
        if code != 0:
            raise ModelError(f"{self._path}: the stream cannot be created: {self._api.LastError()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.DestroyAllStreams()

    def __call__(self, image: bytes) -> list[np.ndarray]:
        data = self._module.MxDataInput()
        data.data = image
        if self._api.SendData(self._name, 0, data) != 0:
            raise DataError(f"the stream refuses it: {self._api.LastError()}")
        entries = list(self._api.GetProtobuf(self._name, 0, self._keys))
        if not entries or entries[0].errorCode != 0:
            raise DataError(f"the stream answers: {self._api.LastError()}")
        (tensors,) = read_tensors(bytes(entries[0].messageBuf))
        try:
            return [array_of(tensor) for tensor in tensors]
        except ValueError as fault:
            raise ModelError(f"{self._path}: {fault}") from None
