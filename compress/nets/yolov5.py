"""YOLOv5 built from its YAML description on ultralytics' blocks, with the anchor head.

ultralytics' own yolov5*.yaml carries the anchor-free head of YOLOv8, which no SDK post-processor accepts.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn
from ultralytics.nn.modules import C3, SPPF, Concat, Conv
from ultralytics.utils.ops import make_divisible

from compress.nets.anchor_head import AnchorDetect
from compute_mAP.errors import ModelError, UsageError

_TEMPLATE = Path(__file__).parent / "cfg" / "yolov5.yaml"
_CONV_LIKE = {"Conv": Conv, "C3": C3, "SPPF": SPPF}
_MODULES = (*_CONV_LIKE, "Concat", "nn.Upsample", "Detect")
_SCALES = "nsmlx"


def architecture(cfg: str, nc: int) -> dict[str, Any]:
    """The architecture that `--cfg` names, for `nc` classes.

    `cfg` is `yolov5n` .. `yolov5x` (with or without `.yaml`) or the path of a YAML file in YOLOv5's form.
    Raises UsageError for an unknown name and ModelError for a file that is not such a YAML.
    """
    path = Path(cfg)
    stem = path.name.removesuffix(".yaml")
    if not path.is_file():
        if len(stem) == 7 and stem.startswith("yolov5") and stem[-1] in _SCALES:
            template = yaml.safe_load(_TEMPLATE.read_text(encoding="utf-8"))
            depth, width = template.pop("scales")[stem[-1]]
            return {**template, "nc": nc, "depth_multiple": depth, "width_multiple": width}
        raise UsageError(f"--cfg {cfg}: neither a file nor one of yolov5n, yolov5s, yolov5m, yolov5l, yolov5x")
    try:
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{cfg}: not a YAML file ({str(error).splitlines()[0]})") from None
    check_architecture(described, str(cfg))
    return {**described, "nc": nc}


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
        if row[2] not in _MODULES:
            raise ModelError(f"{source}: layer {number} is a '{row[2]}', expected one of {', '.join(_MODULES)}")
        if (row[2] == "Detect") != (number == len(layers) - 1):
            raise ModelError(f"{source}: layer {number} is a '{row[2]}', expected one Detect and that at the end")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Yolov5(nn.Module):
    """A YOLOv5 detector.

    Raises ModelError for an architecture whose layers do not fit together.

    Attributes:
        arch: the architecture at full width, as YOLOv5's YAML has it.
        names: class names, in the order of their ids.
        imgsz: side of the square network input in pixels that the model was last trained for.
        stride: int strides of the three scales, fine to coarse.

    forward maps RGB pictures [B, 3, H, W] in 0..1 (H, W multiples of 32) to the head's raw tensors
    [B, anchors, H/stride, W/stride, 5 + classes], one a scale.
    """

    def __init__(self, arch: dict[str, Any], names: list[str], imgsz: int = 640) -> None:
        super().__init__()
        if arch["nc"] != len(names):
            raise ModelError(f"the architecture has {arch['nc']} classes but {len(names)} class names are given")
        self.arch = copy.deepcopy(arch)
        self.names = list(names)
        self.imgsz = imgsz
        try:
            self.model, self.save = _build_layers(arch)
            self._settle()
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise ModelError(f"the architecture cannot be built ({type(error).__name__}: {reason})") from None

    def _settle(self) -> None:
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
    def head(self) -> AnchorDetect:
        """The detection head, the last layer."""
        head = self.model[-1]
        assert isinstance(head, AnchorDetect)
        return head

    @property
    def stride(self) -> list[int]:
        return [int(s) for s in self.head.stride]

    def anchors_px(self) -> list[list[list[float]]]:
        """Anchors as [scales][anchors][w, h] in pixels of the network input."""
        scaled = self.head.anchors.float().cpu() * self.head.stride.view(-1, 1, 1)
        return [[[round(v, 4) for v in pair] for pair in row] for row in scaled.tolist()]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        kept: list[Any] = []
        for layer in self.model:
            source: Any = layer.f
            if source != -1:
                picked = [x if j == -1 else kept[j] for j in ([source] if isinstance(source, int) else source)]
                x = picked[0] if isinstance(source, int) else picked  # type: ignore[assignment]
            x = layer(x)
            kept.append(x if layer.i in self.save else None)
        return x  # type: ignore[return-value]


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
