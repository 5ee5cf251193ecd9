"""YOLOv5 built from its YAML description on ultralytics' blocks, with the anchor head.

ultralytics' own yolov5*.yaml carries the anchor-free head of YOLOv8, which no SDK post-processor accepts.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn
from ultralytics.nn.modules import Conv

from compress.nets.activation import activation, check_activation
from compress.nets.detector import Detector, with_gains
from compress.nets.limits import check_limits
from compress.nets.yolov5_head import AnchorDetect
from compress.nets.yolov5_layers import LAYERS, make_layer
from compress.nets.yolov5_loss import AnchorLoss, LossGains
from deploy.errors import ModelError
from deploy.postprocess import anchor_based, yolo
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.yolo_config import YoloConfig

_TEMPLATES = Path(__file__).parent / "cfg"
_MODULES = (*LAYERS, "Detect")
_MOST_ANCHORS = 9  # of a scale
SDK_STRIDES = [8, 16, 32]
"""Those whose boxes the SDK's library decodes rightly."""
_SDK_ANCHORS = 3


def template(scale: str, nc: int, name: str = "yolov5") -> dict[str, Any]:
    """An architecture in this project's own files for `nc` classes: YOLOv5 v6's of the size n, s, m, l or x, or
    "yolov5-convnext", which has n, s and m. Raises KeyError for a size that there is not.
    """
    described = yaml.safe_load((_TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8"))
    depth, width = described.pop("scales")[scale]
    return {**described, "nc": nc, "depth_multiple": depth, "width_multiple": width}


def check_architecture(described: Any, source: str) -> None:
    """Raise ModelError unless `described` is a YOLOv5 architecture that this module can build."""
    if not isinstance(described, dict):
        raise ModelError(f"{source}: the architecture is {type(described).__name__}, expected a mapping")
    for key in ("nc", "depth_multiple", "width_multiple", "anchors", "backbone", "head"):
        if key not in described:
            raise ModelError(f"{source}: the architecture has no key '{key}'")
        if key.endswith("_multiple") and not (_is_number(described[key]) and described[key] > 0):
            raise ModelError(f"{source}: {key} is {str(described[key])[:60]!r}, expected a number above 0")
        if key in ("backbone", "head") and not (isinstance(described[key], list) and described[key]):
            raise ModelError(f"{source}: '{key}' is {str(described[key])[:60]!r}, expected a list of layers")
    anchors = described["anchors"]
    pairs = isinstance(anchors, list) and all(isinstance(row, list) and all(map(_is_number, row)) for row in anchors)
    counted = isinstance(anchors, int) and not isinstance(anchors, bool) and 1 <= anchors <= _MOST_ANCHORS
    if not counted and (not pairs or len({len(row) for row in anchors}) != 1 or len(anchors[0]) % 2 or not anchors[0]):
        raise ModelError(
            f"{source}: anchors are {str(anchors)[:60]}, expected equally long lists of w, h pairs, or their number on "
            f"each scale, 1 to {_MOST_ANCHORS}"
        )
    layers = [*described["backbone"], *described["head"]]
    for number, row in enumerate(layers):
        if not isinstance(row, list) or len(row) != 4 or not isinstance(row[3], list):
            raise ModelError(f"{source}: layer {number} is {str(row)[:60]}, expected [from, repeats, module, args]")
        if not isinstance(row[2], str) or row[2] not in _MODULES:
            raise ModelError(
                f"{source}: layer {number} is a '{str(row[2])[:60]}', expected one of {', '.join(_MODULES)}"
            )
        if (row[2] == "Detect") != (number == len(layers) - 1):
            raise ModelError(f"{source}: layer {number} is a '{row[2]}', expected one Detect and that at the end")
    check_limits(described, layers, source)
    check_activation(described, source)


def scales_of(arch: Mapping[str, Any]) -> int:
    """How many scales the head of an architecture has."""
    sources = arch["head"][-1][0]
    return len(sources) if isinstance(sources, list) else 1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Yolov5(Detector):
    """A YOLOv5 detector with anchors.

    Raises ModelError for an architecture whose layers do not fit together, and for one that has the number of its
    anchors alone (`anchors: 3`): which they are, data has to say.

    The raw outputs are tensors [B, anchors, H/stride, W/stride, 5 + classes], one a scale, fine to coarse.
    """

    family = "yolov5"
    loss_parts = ("box", "objectness", "classes")

    def __init__(self, arch: dict[str, Any], names: list[str], imgsz: int = 640) -> None:
        super().__init__()
        if arch["nc"] != len(names):
            raise ModelError(f"the architecture has {arch['nc']} classes but {len(names)} class names are given")
        if isinstance(arch["anchors"], int):
            raise ModelError(
                f"the architecture says how many anchors a scale has ({arch['anchors']}) and not which: train and "
                "`compress data anchors` find them in the data"
            )
        self.arch = copy.deepcopy(arch)
        self.names = list(names)
        self.imgsz = imgsz
        try:
            self.model, self.save = _build_layers(arch)
            self._start()
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise ModelError(f"the architecture cannot be built ({type(error).__name__}: {reason})") from None

    def _start(self) -> None:
        """Give the fresh layers what only the whole model knows."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps, module.momentum = 1e-3, 0.03
        with torch.no_grad():
            outputs = self.eval()(torch.zeros(1, 3, 256, 256))
        self.train()
        self.head.set_stride(torch.tensor([256.0 / o.shape[2] for o in outputs]))
        self.head.reset_biases()

    @property
    def post_processor(self) -> str:
        fits = self.stride == SDK_STRIDES and self.head.na <= _SDK_ANCHORS
        return "yolov5" if fits else "anchor_based"

    @property
    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(len(self.stride))]

    def anchors_px(self) -> list[list[list[float]]]:
        scaled = self.head.anchors.float().cpu() * self.head.stride.view(-1, 1, 1)
        return [[[round(v, 4) for v in pair] for pair in row] for row in scaled.tolist()]

    def make_loss(self, imgsz: int, gains: Mapping[str, float] | None = None) -> AnchorLoss:
        return AnchorLoss(self.head, imgsz, with_gains(LossGains(), gains))

    def boxes(self, heads: Sequence[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        biases = tuple(value for scale in self.anchors_px() for pair in scale for value in pair)
        levels, each = len(self.stride), self.head.na
        config = YoloConfig(len(self.names), biases, score, score, iou, levels=levels, anchors_per_level=each)
        module = yolo if self.post_processor == "yolov5" else anchor_based
        return module.decode(heads, config, geometry)

    def with_classes(self, names: list[str]) -> Yolov5:
        fitted = copy.deepcopy(self)
        old = self.head
        anchors = [[side for pair in row for side in pair] for row in old.anchors_px.tolist()]
        head = AnchorDetect(len(names), anchors, [conv.in_channels for conv in old.m])
        head.set_stride(old.stride)
        head.reset_biases()
        head.i, head.f = old.i, old.f
        fitted.model[-1] = head.train(old.training)
        fitted.arch["nc"], fitted.names = len(names), list(names)
        return fitted

    def counted(self) -> nn.Module:
        return self

    def update_derived(self) -> None:
        self.head.anchors_px = self.head.anchors * self.head.stride.view(-1, 1, 1)

    def raw(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        return self.head(features)


def _build_layers(arch: dict[str, Any]) -> tuple[nn.Sequential, set[int]]:
    depth, width = arch["depth_multiple"], arch["width_multiple"]
    channels: list[int] = []
    layers: list[nn.Module] = []
    saved: set[int] = set()
    for index, (source, repeats, kind, args) in enumerate([*arch["backbone"], *arch["head"]]):
        sources = [source] if isinstance(source, int) else source
        incoming = [(channels[j] if channels else 3) for j in sources]
        repeats = max(round(repeats * depth), 1) if repeats > 1 else repeats
        layer: nn.Module
        if kind == "Detect":
            layer, c2 = AnchorDetect(arch["nc"], arch["anchors"], incoming), 0
        else:
            layer, c2 = make_layer(kind, incoming, repeats, args, width)
        layer.i, layer.f = index, source  # type: ignore[assignment]
        saved.update(j % index for j in sources if j != -1)
        layers.append(layer)
        channels.append(c2)
    model = nn.Sequential(*layers)
    own = activation(arch)
    for module in model.modules():
        if own is not None and isinstance(module, Conv) and module.act is Conv.default_act:
            module.act = own
    return model, saved
