"""The channel flow of a second detector with the same architecture and widths follows the first one's graph.

torch.export takes a second or two, and the graph that it makes does not depend on the weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compress.channels.flow import export_graph
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree

_graphs: dict[str, Any] = {}


def export_once(model: nn.Module, example: torch.Tensor) -> Any:
    """In place of compress.channels.flow.export_graph."""
    size = sum(tensor.numel() for tensor in model.state_dict().values())
    if not isinstance(model, (Yolov5, AnchorFree)) or size > 2_000_000:
        return export_graph(model, example)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    key = repr((type(model), model.arch, shapes, tuple(example.shape)))
    if key not in _graphs:
        _graphs[key] = export_graph(model, example)
    return _graphs[key]
