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
from ultralytics.nn.modules import C3, SPP, SPPF, Concat, Conv
from ultralytics.utils.ops import make_divisible

from compress.nets.detector import Detector, with_gains
from compress.nets.limits import check_limits
from compress.nets.yolov5_head import AnchorDetect
from compress.nets.yolov5_loss import AnchorLoss, LossGains
from deploy.errors import ModelError
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.yolo import decode
from deploy.postprocess.yolo_config import YoloConfig

_TEMPLATE = Path(__file__).parent / "cfg" / "yolov5.yaml"
_CONV_LIKE = {"Conv": Conv, "C3": C3, "SPP": SPP, "SPPF": SPPF}
_MODULES = (*_CONV_LIKE, "Concat", "nn.Upsample", "Detect")


def template(scale: str, nc: int) -> dict[str, Any]:
    """YOLOv5 v6's own architecture of the size n, s, m, l or x, for `nc` classes."""
    described = yaml.safe_load(_TEMPLATE.read_text(encoding="utf-8"))
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
    if not pairs or len({len(row) for row in anchors}) != 1 or len(anchors[0]) % 2 or not anchors[0]:
        raise ModelError(f"{source}: anchors are {str(anchors)[:60]}, expected equally long lists of w, h pairs")
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


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Yolov5(Detector):
    """A YOLOv5 detector with anchors.

    Raises ModelError for an architecture whose layers do not fit together.

    The raw outputs are tensors [B, anchors, H/stride, W/stride, 5 + classes], one a scale, fine to coarse.
    """

    family = "yolov5"
    post_processor = "yolov5"
    loss_parts = ("box", "objectness", "classes")

    def __init__(self, arch: dict[str, Any], names: list[str], imgsz: int = 640) -> None:
        super().__init__()
        if arch["nc"] != len(names):
            raise ModelError(f"the architecture has {arch['nc']} classes but {len(names)} class names are given")
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
    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(len(self.stride))]

    def anchors_px(self) -> list[list[list[float]]]:
        scaled = self.head.anchors.float().cpu() * self.head.stride.view(-1, 1, 1)
        return [[[round(v, 4) for v in pair] for pair in row] for row in scaled.tolist()]

    def make_loss(self, imgsz: int, gains: Mapping[str, float] | None = None) -> AnchorLoss:
        return AnchorLoss(self.head, imgsz, with_gains(LossGains(), gains))

    def boxes(self, heads: Sequence[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        biases = tuple(value for scale in self.anchors_px() for pair in scale for value in pair)
        return decode(heads, YoloConfig(len(self.names), biases, score, score, iou), geometry)

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
        if kind in _CONV_LIKE:
            c2 = make_divisible(args[0] * width, 8)
            options = list(args[1:])
            if kind == "C3":
                options.insert(0, repeats)
            layer = _CONV_LIKE[kind](incoming[0], c2, *options)
            if isinstance(layer, SPPF):
                layer.cv1.act = nn.SiLU()  # YOLOv5 has the activation that ultralytics' later SPPF leaves out
        elif kind == "nn.Upsample":
            layer, c2 = nn.Upsample(scale_factor=args[1], mode=args[2]), incoming[0]
        elif kind == "Concat":
            layer, c2 = Concat(args[0]), sum(incoming)
        else:
            layer, c2 = AnchorDetect(arch["nc"], arch["anchors"], incoming), 0
        layer.i, layer.f = index, source  # type: ignore[assignment]
        saved.update(j % index for j in sources if j != -1)
        layers.append(layer)
        channels.append(c2)
    return nn.Sequential(*layers), saved
