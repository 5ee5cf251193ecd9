"""A quantisation as a model that onnxruntime can run: the very numbers that the host engine computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import onnx

from compress.quantize.deploy_graph import deploy_graph
from compress.quantize.float_run import outputs_over
from compress.quantize.quantization import Quantization
from deploy.host.model.ascend_int8 import FUSIONS, lowered


def quantised_outputs(
    model: onnx.ModelProto, quantization: Quantization, images: Iterable[np.ndarray]
) -> Iterator[list[np.ndarray]]:
    """The quantised model's outputs for each image, float32, in the order of the graph."""
    content = lowered(deploy_graph(model, quantization).SerializeToString())
    return outputs_over(content, images, FUSIONS)
