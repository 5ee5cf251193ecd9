"""The ONNX file: raw heads (one a scale with anchors, two without), opset 11, static shape, batch 1, proved equal to
torch before it is written.
"""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import onnx
import onnxsim
import torch

from compress.graph.onnx_proof import open_session
from compress.nets.detector import Detector
from deploy.errors import ModelError

OPSET = 11  # the newest that CANN 5.0.4 reads whole
INPUT_NAME = "images"
TOLERANCE = 1e-4


@dataclass(frozen=True)
class OnnxModel:
    """A serialised model, the name, producing node and shape of each output, and the proof's largest difference."""

    content: bytes
    outputs: list[dict[str, Any]]
    difference: float


def to_onnx(model: Detector, imgsz: int, images: np.ndarray) -> OnnxModel:
    """Export `model` for imgsz x imgsz pixels and compare it with torch on `images`, float32 [n, 3, imgsz, imgsz].

    Raises ModelError when the ONNX differs from torch by more than TOLERANCE of the output's largest value.
    """
    model = model.float().eval().cpu()
    graph = simplified(exported(model, imgsz))
    metadata = {
        "names": json.dumps(model.names),
        "imgsz": json.dumps([imgsz, imgsz]),
        "stride": json.dumps(model.stride),
        "anchors": json.dumps(model.anchors_px()),
    }
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph)
    content = graph.SerializeToString()
    return OnnxModel(content, _outputs(graph), _compare(model, content, images))


def exported(model: Detector, imgsz: int) -> onnx.ModelProto:
    """The graph as torch writes it, of a model in eval mode on the CPU, for imgsz x imgsz pixels."""
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, imgsz, imgsz),),
            stream,  # type: ignore[arg-type]  # a file-like object is what this exporter documents
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=model.output_names,
            dynamo=False,
        )
    return onnx.load_from_string(stream.getvalue())


def simplified(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with its constants folded. Raises ModelError where it then computes something else."""
    found, fine = onnxsim.simplify(graph)
    if not fine:
        raise ModelError("the simplified ONNX does not compute what the exported one does; please report this model")
    return found


def _outputs(graph: onnx.ModelProto) -> list[dict[str, Any]]:
    maker = {name: node.name for node in graph.graph.node for name in node.output}
    return [
        {
            "name": output.name,
            "node": maker[output.name],
            "shape": [d.dim_value for d in output.type.tensor_type.shape.dim],
        }
        for output in graph.graph.output
    ]


def _compare(model: Detector, content: bytes, images: np.ndarray) -> float:
    session = open_session(content)
    differences = []
    for image in images:
        x = image[None]
        with torch.no_grad():
            expected = [o.numpy() for o in model(torch.from_numpy(x))]
        found = session.run(None, {INPUT_NAME: x})
        scale = max(float(np.abs(e).max()) for e in expected) or 1.0
        differences += [float(np.abs(e - f).max()) / scale for e, f in zip(expected, found, strict=True)]
    worst = float(np.max(differences))  # keeps a NaN, which max() may lose
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the ONNX differs from torch by {worst:.2e} of the output's largest value, more than {TOLERANCE:.0e}"
        )
    return worst
