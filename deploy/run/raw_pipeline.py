"""A pipeline with a post-processor in Python, cut after the model: the driver then runs that class itself.

An SDK may refuse such a post-processor when the stream is created (docs/adr/0013); raw tensors any SDK hands out. The
class, its configuration and its labels are still those that the pipeline names.
"""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.errors import EnvironmentFault, ModelError
from deploy.results.detections import Detection
from deploy.run.pipeline_file import PipelineFile
from deploy.wire.metadata import Tensor, read_tensors, read_visions

if TYPE_CHECKING:
    import numpy as np

_POST, _INFER, _RESIZE, _DECODE = (
    f"mxpi_{name}" for name in ("objectpostprocessor", "tensorinfer", "imageresize", "imagedecoder")
)
_DROPPED = (_POST, "mxpi_dataserialize", "queue")
_PROPERTIES = (
    *("pythonModule", "className", "postProcessLibPath", "labelPath"),
    *("postProcessConfigPath", "postProcessConfigContent"),
)
_KINDS = {0: "float32", 1: "float16"}


@dataclass(frozen=True)
class RawPipeline:
    """`text` is the pipeline that ends in tensors; `keys` are the elements whose metadata are fetched: the model's,
    then those of the network's input and of the decoded image, which may be one. `values` are the properties of the
    post-processor `name`.
    """

    text: str
    keys: tuple[str, ...]
    name: str
    values: dict[str, Any]


def has_python_post(pipeline: PipelineFile) -> bool:
    return any(_is_python_post(element) for element in pipeline.elements.values())


def raw_pipeline(pipeline: PipelineFile) -> RawPipeline:
    """Cut a pipeline. Raises ModelError for one that is no chain from appsrc through a model to a post-processor in
    Python, with nothing but its text behind."""
    chain = _chain(pipeline)
    factories = [pipeline.elements[name]["factory"] for name in chain]
    try:
        post = next(number for number, name in enumerate(chain) if _is_python_post(pipeline.elements[name]))
        infer, decode = factories.index(_INFER), factories.index(_DECODE)
    except (StopIteration, ValueError):
        raise ModelError(
            f"{pipeline.path}: raw tensors are decoded by a post-processor in Python; the stream needs {_DECODE}, "
            f'{_INFER} and {_POST} with "funcLanguage": "python"'
        ) from None
    if factories[-1] != "appsink" or not set(factories[infer + 1 : -1]) <= set(_DROPPED) or not decode < infer < post:
        raise ModelError(f"{pipeline.path}: after {chain[infer]} expected only a post-processor and its text")
    resizers = [number for number in range(infer) if factories[number] == _RESIZE]
    keys = [chain[infer], *(chain[number] for number in resizers[-1:]), chain[decode]]
    props = pipeline.elements[chain[post]].get("props", {})
    values = {key: props.get(key, "") for key in _PROPERTIES}
    return RawPipeline(_cut_behind(pipeline, chain, infer), tuple(keys), chain[post], values)


def tensor_pipeline(pipeline: PipelineFile, model: str) -> tuple[str, str]:
    """The pipeline that ends in the tensors of its model, with the OM file `model` in that one's place, and the name of
    the element that makes them.

    Raises ModelError for one that is no chain from appsrc through mxpi_tensorinfer to appsink.
    """
    chain = _chain(pipeline)
    factories = [pipeline.elements[name]["factory"] for name in chain]
    if _INFER not in factories or factories[-1] != "appsink":
        raise ModelError(f"{pipeline.path}: expected one chain from appsrc through {_INFER} to appsink")
    infer = factories.index(_INFER)
    streams = json.loads(_cut_behind(pipeline, chain, infer))
    streams[pipeline.stream_name][chain[infer]]["props"]["modelPath"] = model
    return json.dumps(streams, indent=4), chain[infer]


def _cut_behind(pipeline: PipelineFile, chain: list[str], infer: int) -> str:
    streams = copy.deepcopy(json.loads(pipeline.text))
    for name in chain[infer + 1 : -1]:
        del streams[pipeline.stream_name][name]
    streams[pipeline.stream_name][chain[infer]]["next"] = chain[-1]
    return json.dumps(streams, indent=4)


class RawDecoder:
    """Turns fetched messages into detections.

    Raises EnvironmentFault where numpy is missing, ModelError for a post-processor that cannot be created.
    """

    def __init__(self, end: RawPipeline) -> None:
        try:
            from deploy.host.post.python_post import PythonPostProcessor
        except ImportError as fault:
            raise EnvironmentFault(f"decoding raw tensors needs numpy ({fault})") from None
        self._post = PythonPostProcessor(end.values, end.name)

    def __call__(self, messages: list[bytes]) -> list[Detection]:
        """The detections of one image; `messages` are those of RawPipeline.keys.

        Raises ValueError for messages that do not hold one image, ModelError for what the post-processor refuses.
        """
        from deploy.postprocess.mapping import Geometry

        packages, images = read_tensors(messages[0]), [read_visions(message) for message in messages[1:]]
        counts = {len(packages), *map(len, images)}
        if counts != {1}:
            raise ValueError(f"the result holds {sorted(counts)} images; expected one")
        net, source = images[0][0], images[-1][0]
        geometry = Geometry(net.width, net.height, source.width, source.height, net.resize_type, net.ratio)
        ((rows, names),) = self._post([[array_of(tensor) for tensor in packages[0]]], [geometry])
        values = rows.ravel().tolist()
        if not all(map(math.isfinite, values)):
            raise ValueError(f"the post-processor gives a number that is not finite: {values[:6]}")
        return [
            Detection(name or f"class {int(row[5])}", int(row[5]), row[4], *row[:4])
            for row, name in zip(rows.tolist(), names)
        ]


def array_of(tensor: Tensor) -> np.ndarray:
    """A tensor of floats as float32. Raises ValueError for another type, and for a size that is not its shape's."""
    import numpy as np

    kind = _KINDS.get(tensor.kind)
    if kind is None:
        raise ValueError(f"a tensor has the element type {tensor.kind}; expected 0 (float32) or 1 (float16)")
    if len(tensor.data) != math.prod(tensor.shape) * np.dtype(kind).itemsize:
        raise ValueError(
            f"a tensor of {list(tensor.shape)} has {len(tensor.data)} bytes; with outputDeviceId -1 mxpi_tensorinfer "
            "hands out the values"
        )
    values = np.frombuffer(tensor.data, kind).reshape(tensor.shape)
    return values.astype(np.float32, copy=False)


def _is_python_post(element: dict[str, Any]) -> bool:
    props = element.get("props")
    return element["factory"] == _POST and isinstance(props, dict) and props.get("funcLanguage") == "python"


def _chain(pipeline: PipelineFile) -> list[str]:
    """The names of the elements from appsrc on. Raises ModelError where they are no chain."""
    elements = pipeline.elements
    sources = [name for name, element in elements.items() if element["factory"] == "appsrc"]
    chain, following = sources[:1], [""]
    while chain and following and len(chain) <= len(elements):
        following = elements[chain[-1]].get("next") or []
        following = [following] if isinstance(following, str) else following
        names = [str(link).partition(":")[0] for link in following]
        chain = chain + names if len(names) < 2 and set(names) <= set(elements) else []
    if len(sources) != 1 or len(chain) != len(elements):
        raise ModelError(f"{pipeline.path}: raw tensors are fetched from a stream that is one chain of elements")
    return chain
