"""YOLOv8 and what shares its head: ultralytics' own layers, with raw outputs in train and eval alike. YOLOv3, YOLOv5u,
YOLOv6, YOLOv9, YOLO11 and YOLO12 differ from it in layers alone; heads of two branches are in `end_to_end.py`.

The layers are ultralytics' and stay so when they are pruned: `plain` puts them back into its own model class.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from ultralytics.nn.modules import Detect, v10Detect
from ultralytics.nn.tasks import DetectionModel

from compress.nets.activation import check_activation
from compress.nets.block_widths import update_widths
from compress.nets.detector import Detector, Loss, with_gains
from compress.nets.limits import check_limits
from compress.nets.stock_names import family_of
from compress.nets.yolov8_loss import AnchorFreeLoss, BoxGains
from deploy.errors import ModelError
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.yolov8 import BINS, Yolov8Config, decode

HEADS = ("Detect", "v10Detect")
MODULES = (
    "Conv", "DWConv", "GhostConv", "ConvTranspose", "DWConvTranspose2d", "RepConv", "Focus",
    "Bottleneck", "GhostBottleneck", "BottleneckCSP", "ResNetLayer", "HGStem", "HGBlock", "SPP", "SPPF", "SPPELAN",
    "C1", "C2", "C2f", "C2fPSA", "C2fCIB", "C2PSA", "C3", "C3k2", "C3x", "C3Ghost", "C3TR", "RepC3",
    "PSA", "A2C2f", "SCDown", "AConv", "ADown", "ELAN1", "RepNCSPELAN4", "RepVGGDW",
    "CBLinear", "CBFuse", "Concat",
    "nn.Conv2d", "nn.ConvTranspose2d", "nn.BatchNorm2d", "nn.SiLU", "nn.ReLU", "nn.LeakyReLU", "nn.Hardswish",
    "nn.Upsample", "nn.MaxPool2d", "nn.AvgPool2d", "nn.ZeroPad2d", "nn.Identity", *HEADS,
)  # fmt: skip
"""What an architecture may name. ultralytics looks a name up among all that its `nn/tasks.py` imports; its other blocks
are parts of these."""
OTHER_TASKS = {
    "Classify": "classification", "Segment": "instance segmentation", "Segment26": "instance segmentation",
    "YOLOESegment": "open vocabularies", "YOLOESegment26": "open vocabularies", "YOLOEDetect": "open vocabularies",
    "WorldDetect": "open vocabularies", "Pose": "pose estimation", "Pose26": "pose estimation",
    "OBB": "oriented boxes", "OBB26": "oriented boxes", "SemanticSegment": "semantic segmentation",
    "Depth": "depth estimation", "RTDETRDecoder": "a transformer's decoder",
}  # fmt: skip
"""Heads of ultralytics that do more than detect, or do it otherwise."""

_KEYS = (
    "nc", "scale", "scales", "depth_multiple", "width_multiple", "activation", "reg_max", "end2end", "backbone", "head",
)  # fmt: skip
_MOST_BINS = 64
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
        task = OTHER_TASKS.get(row[2]) if isinstance(row[2], str) else None
        if task:
            raise ModelError(
                f"{source}: layer {number} is a '{row[2]}', the head of a model for {task}; only detectors are read"
            )
        if not isinstance(row[2], str) or row[2] not in MODULES:
            raise ModelError(
                f"{source}: layer {number} is a '{str(row[2])[:60]}', expected one of {', '.join(MODULES)}"
            )
        if (row[2] in HEADS) != (number == len(layers) - 1):
            raise ModelError(f"{source}: layer {number} is a '{row[2]}', expected one Detect and that at the end")
    check_limits(described, layers, source)
    check_activation(described, source)
    if not isinstance(described.get("end2end", False), (bool, type(None))):
        raise ModelError(f"{source}: end2end is {str(described['end2end'])[:60]!r}, expected true or false")
    bins = described.get("reg_max", BINS)
    if not isinstance(bins, int) or isinstance(bins, bool) or not 1 <= bins <= _MOST_BINS:
        raise ModelError(f"{source}: reg_max is {str(bins)[:60]!r}, expected a number of bins, 1 to {_MOST_BINS}")
    scales = described.get("scales")
    scale = described.get("scale")
    if scales and not (isinstance(scales, dict) and isinstance(scale, str) and scale in scales):
        wanted = f"one of {', '.join(map(str, scales))}" if isinstance(scales, dict) else "scales that are a mapping"
        raise ModelError(f"{source}: scale is {str(scale)[:60]!r}, expected {wanted[:200]}")


def with_scale(described: Any, stem: str = "") -> Any:
    """An architecture that has scales, with the one that ultralytics takes: its own, the letter in its file's name, or
    else the first. Anything else is returned as it is."""
    scales = described.get("scales") if isinstance(described, dict) else None
    if not isinstance(scales, dict) or not scales or described.get("scale"):
        return described
    named = re.search(r"yolo(?:e-)?v?\d+([a-z])", stem)
    letter = named.group(1) if named and named.group(1) in scales else next(iter(scales))
    return {**described, "scale": letter}


def kept_keys(described: dict[str, Any]) -> dict[str, Any]:
    """The entries of an architecture that make the model; the rest (file names, channels, comments) is left out."""
    return {key: copy.deepcopy(described[key]) for key in _KEYS if key in described}


class AnchorFree(Detector):
    """A detector on ultralytics' layers, with its anchor-free head.

    The raw outputs are, for each scale fine to coarse, box logits [B, 4 * bins, H/stride, W/stride] (the distances
    left, top, right, bottom in strides, as distributions over the bins, or as they are where there is one bin) and
    class logits [B, classes, H/stride, W/stride]. Tensors are named as in ultralytics' own checkpoints.
    Raises ModelError for an architecture whose layers do not fit together.
    """

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
        return family_of(self.arch)

    @property
    def loss_parts(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("box", "classes", "dfl" if self.head.reg_max > 1 else "l1")

    @property
    def output_names(self) -> list[str]:
        return [f"{branch}{stride}" for stride in self.stride for branch in ("box", "class")]

    @property
    def post_processor(self) -> str:
        return "yolov8"

    @property
    def branches(self) -> list[tuple[nn.ModuleList, nn.ModuleList]]:
        """Pairs of a box and a class branch, in the order of the raw outputs: convolutions for each scale."""
        return [(self.head.cv2, self.head.cv3)]

    def make_loss(self, imgsz: int, gains: Mapping[str, float] | None = None) -> Loss:
        return AnchorFreeLoss(self.head, next(self.parameters()).device, with_gains(BoxGains(), gains))

    def boxes(self, heads: Sequence[np.ndarray], score: float, iou: float, geometry: Geometry) -> np.ndarray:
        return decode(heads, Yolov8Config(len(self.names), score, iou, bins=self.head.reg_max), geometry)

    def with_classes(self, names: list[str]) -> AnchorFree:
        fitted = copy.deepcopy(self)
        head = fitted.head
        head.nc, head.no = len(names), len(names) + 4 * head.reg_max
        for boxes, classes in fitted.branches:
            for box, kind, stride in zip(boxes, classes, head.stride, strict=True):
                kind[-1] = nn.Conv2d(kind[-1].in_channels, len(names), 1)  # type: ignore[index, operator]
                # about 5 objects an image of 640 px, as ultralytics starts its heads
                nn.init.constant_(kind[-1].bias, float(np.log(5 / len(names) / (640 / float(stride)) ** 2)))  # type: ignore[index]
                nn.init.constant_(box[-1].bias, _BIAS_OF_BOX)  # type: ignore[index]
        fitted.arch["nc"], fitted.names = len(names), list(names)
        return fitted

    def plain(self) -> DetectionModel:
        """ultralytics' own model with a copy of these layers: nothing of ours is in it."""
        plain = copy.deepcopy(_shell(json.dumps(self.arch)))
        plain.model = copy.deepcopy(self.model)
        plain.names = dict(enumerate(self.names))
        plain.stride = self.head.stride.clone()
        return plain.train(self.training)

    def counted(self) -> nn.Module:
        return self.plain()

    def update_derived(self) -> None:
        """Blocks keep widths as numbers beside their layers."""
        for module in self.modules():
            update_widths(module)

    def unfreeze(self) -> None:
        super().unfreeze()
        self.head.dfl.requires_grad_(False)  # a constant: the bins' numbers

    def raw(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        return head_outputs(features, *self.branches[0])


def head_outputs(features: list[torch.Tensor], boxes: nn.ModuleList, classes: nn.ModuleList) -> list[torch.Tensor]:
    pairs = zip(features, boxes, classes, strict=True)
    return [branch(x) for x, box, kind in pairs for branch in (box, kind)]


@lru_cache(maxsize=8)
def _shell(arch: str) -> DetectionModel:
    """ultralytics' own model of an architecture, written as JSON, without its layers."""
    shell = _built(json.loads(arch))
    shell.model = nn.Sequential()
    return shell


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
    if type(head) not in (Detect, v10Detect):
        raise ModelError(f"the architecture ends in {type(head).__name__}, expected the head Detect")
    return plain
