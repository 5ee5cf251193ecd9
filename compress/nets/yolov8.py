"""YOLOv8, YOLO11 and YOLOv5u: ultralytics' own layers and anchor-free head, with raw outputs in train and eval alike.

The layers are ultralytics' and stay so when they are pruned: `plain` puts them back into its own model class.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from ultralytics.nn.modules import Conv, Detect
from ultralytics.nn.tasks import DetectionModel

from compress.nets.detector import Detector, with_gains
from compress.nets.limits import check_limits
from compress.nets.yolov8_loss import AnchorFreeLoss, BoxGains
from deploy.errors import ModelError
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.yolov8 import BINS, Yolov8Config, decode

MODULES = (
    "Conv", "DWConv", "GhostConv", "Focus", "Bottleneck", "GhostBottleneck", "SPP", "SPPF", "BottleneckCSP", "C1", "C2",
    "C2f", "C2fPSA", "C2fCIB", "C2PSA", "C3", "C3Ghost", "C3TR", "C3k2", "C3x", "PSA", "SCDown", "A2C2f", "Concat",
    "nn.Upsample", "nn.ConvTranspose2d", "nn.MaxPool2d", "nn.ZeroPad2d", "nn.Identity", "Detect",
)  # fmt: skip
"""What an architecture may name. ultralytics looks a name up among all it has imported."""

# ultralytics evaluates this text as Python
_ACTIVATION = re.compile(
    r"(torch\.)?nn\.(SiLU|ReLU|ReLU6|LeakyReLU|Hardswish|Mish|ELU|Identity)"
    r"\(([\d.]*|inplace=(True|False)|[\d.]+, ?inplace=(True|False))\)"
)
_KEYS = ("nc", "scale", "scales", "depth_multiple", "width_multiple", "activation", "reg_max", "backbone", "head")
_BIAS_OF_BOX = 2.0


def check_architecture(described: Any, source: str) -> None:
    """Raise ModelError unless `described` is an architecture in ultralytics' form that this module can build."""
    if not isinstance(described, dict):
        raise ModelError(f"{source}: the architecture is {type(described).__name__}, expected a mapping")
    for key in ("backbone", "head"):
        if not (isinstance(described.get(key), list) and described[key]):
            raise ModelError(f"{source}: '{key}' is {str(described.get(key))[:60]!r}, expected a list of layers")
    layers = [*described["backbone"], *described["head"]]
    for number, row in enumerate(layers):
        if not isinstance(row, list) or len(row) != 4 or not isinstance(row[3], list):
            raise ModelError(f"{source}: layer {number} is {str(row)[:60]}, expected [from, repeats, module, args]")
        if not isinstance(row[2], str) or row[2] not in MODULES:
            raise ModelError(
                f"{source}: layer {number} is a '{str(row[2])[:60]}', expected one of {', '.join(MODULES)}"
            )
        if (row[2] == "Detect") != (number == len(layers) - 1):
            raise ModelError(f"{source}: layer {number} is a '{row[2]}', expected one Detect and that at the end")
    check_limits(described, layers, source)
    activation = described.get("activation")
    if activation and not (isinstance(activation, str) and _ACTIVATION.fullmatch(activation)):
        raise ModelError(f"{source}: activation is {str(activation)[:60]!r}, expected one like 'nn.SiLU()'")
    if described.get("end2end"):
        raise ModelError(f"{source}: end2end is set, but heads with a one-to-one branch (YOLOv10, YOLO26) are not read")
    if described.get("reg_max", BINS) != BINS:
        raise ModelError(f"{source}: reg_max is {str(described['reg_max'])[:60]!r}, the post-processor has {BINS} bins")
    scales = described.get("scales")
    scale = described.get("scale")
    if scales and not (isinstance(scales, dict) and isinstance(scale, str) and scale in scales):
        wanted = f"one of {', '.join(map(str, scales))}" if isinstance(scales, dict) else "scales that are a mapping"
        raise ModelError(f"{source}: scale is {str(scale)[:60]!r}, expected {wanted[:200]}")


def kept_keys(described: dict[str, Any]) -> dict[str, Any]:
    """The entries of an architecture that make the model; the rest (file names, channels, comments) is left out."""
    return {key: copy.deepcopy(described[key]) for key in _KEYS if key in described}


class AnchorFree(Detector):
    """A detector on ultralytics' layers, with its anchor-free head.

    The raw outputs are, for each scale fine to coarse, box logits [B, 4 * 16, H/stride, W/stride] (the distances
    left, top, right, bottom as distributions over 16 bins of a stride) and class logits [B, classes, H/stride,
    W/stride]. Tensors are named as in ultralytics' own checkpoints.
    Raises ModelError for an architecture whose layers do not fit together.
    """

    loss_parts = ("box", "classes", "dfl")

    def __init__(self, arch: dict[str, Any], names: list[str], imgsz: int = 640) -> None:
        super().__init__()
        if arch["nc"] != len(names):
            raise ModelError(f"the architecture has {arch['nc']} classes but {len(names)} class names are given")
        self.arch = kept_keys(arch)
        self.names = list(names)
        self.imgsz = imgsz
        plain = _built(self.arch)
        layers, taken = cast(Any, plain.model), cast(Any, plain.save)
        self.model, self.save = layers, set(taken)

    @property
    def family(self) -> str:  # type: ignore[override]
        kinds = {row[2] for row in (*self.arch["backbone"], *self.arch["head"])}
        return "yolo11" if "C3k2" in kinds else "yolov5u" if "C3" in kinds and "C2f" not in kinds else "yolov8"

    @property
    def output_names(self) -> list[str]:
        return [f"{branch}{stride}" for stride in self.stride for branch in ("box", "class")]

    def make_loss(self, imgsz: int, gains: Mapping[str, float] | None = None) -> AnchorFreeLoss:
        return AnchorFreeLoss(self.head, next(self.parameters()).device, with_gains(BoxGains(), gains))

    def boxes(self, heads: Sequence[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        return decode(heads, Yolov8Config(len(self.names), score, iou), geometry)

    def with_classes(self, names: list[str]) -> AnchorFree:
        fitted = copy.deepcopy(self)
        head = fitted.head
        head.nc, head.no = len(names), len(names) + 4 * head.reg_max
        for branch in head.cv3:
            branch[-1] = nn.Conv2d(branch[-1].in_channels, len(names), 1)
        for branch, stride in zip(head.cv3, head.stride, strict=True):
            # about 5 objects an image of 640 px, as ultralytics starts its heads
            nn.init.constant_(branch[-1].bias, float(np.log(5 / len(names) / (640 / float(stride)) ** 2)))
        for branch in head.cv2:
            nn.init.constant_(branch[-1].bias, _BIAS_OF_BOX)
        fitted.arch["nc"], fitted.names = len(names), list(names)
        return fitted

    def plain(self) -> DetectionModel:
        """ultralytics' own model with a copy of these layers: nothing of ours is in it."""
        plain = _built(self.arch)
        plain.model = copy.deepcopy(self.model)
        plain.names = dict(enumerate(self.names))
        plain.stride = self.head.stride.clone()
        return plain.train(self.training)

    def counted(self) -> nn.Module:
        return self.plain()

    def update_derived(self) -> None:
        """Blocks that cut their first convolution's output in two keep the width of one half as a number."""
        for module in self.modules():
            first = getattr(module, "cv1", None)
            if isinstance(first, Conv) and isinstance(getattr(module, "c", None), int):
                module.c = first.conv.out_channels // 2  # type: ignore[assignment]

    def unfreeze(self) -> None:
        super().unfreeze()
        self.head.dfl.requires_grad_(False)  # a constant: the bins' numbers

    def raw(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        head = self.head
        pairs = zip(features, head.cv2, head.cv3, strict=True)
        return [branch(x) for x, box, classes in pairs for branch in (box, classes)]


def _built(arch: dict[str, Any]) -> DetectionModel:
    legacy = Detect.legacy  # ultralytics sets this for the whole process
    try:
        plain = DetectionModel(copy.deepcopy(arch), ch=3, verbose=False)
    except Exception as error:  # whatever a layer says of arguments that do not fit
        reason = (str(error).splitlines() or [""])[0]
        raise ModelError(f"the architecture cannot be built ({type(error).__name__}: {reason})") from None
    finally:
        Detect.legacy = legacy
    head = cast(Any, plain.model)[-1]
    if type(head) is not Detect or getattr(head, "one2one_cv2", None) is not None:
        raise ModelError(f"the architecture ends in {type(head).__name__}, expected the head Detect")
    return plain
