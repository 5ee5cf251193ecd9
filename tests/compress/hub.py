"""Architectures as ultralytics/yolov5 keeps them in models/hub: its own YOLOv5 with other layers, levels or heads."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from compress.nets.family import architecture

ANCHORS = [10, 13, 16, 30, 33, 23]
UP = [-1, 1, "nn.Upsample", [None, 2, "nearest"]]
DETECT = ["nc", "anchors"]


def v5(**keys: Any) -> dict[str, Any]:
    return {**copy.deepcopy(architecture("yolov5n", 3)), **keys}


def with_layers(kinds: Mapping[str, str], rows: range) -> dict[str, Any]:
    """Blocks replaced, by kind, in these rows."""
    found = v5()
    layers = [*found["backbone"], *found["head"]]
    for number in rows:
        layers[number][2] = kinds.get(layers[number][2], layers[number][2])
    return found


def ghost() -> dict[str, Any]:
    return with_layers({"Conv": "GhostConv", "C3": "C3Ghost"}, range(1, 24))


def transformer() -> dict[str, Any]:
    return with_layers({"C3": "C3TR"}, range(8, 9))


def csp() -> dict[str, Any]:
    return with_layers({"C3": "BottleneckCSP"}, range(24))


def bifpn() -> dict[str, Any]:
    found = v5()
    found["head"][9][0] = [-1, 14, 6]
    return found


def p2() -> dict[str, Any]:
    finer = [[-1, 1, "Conv", [128, 1, 1]], UP, [[-1, 2], 1, "Concat", [1]], [-1, 1, "C3", [128, False]]]
    down = [[-1, 1, "Conv", [128, 3, 2]], [[-1, 18], 1, "Concat", [1]], [-1, 3, "C3", [256, False]]]
    found = v5(anchors=3)
    found["head"] = [*found["head"][:8], *finer, *down, *found["head"][8:14], [[21, 24, 27, 30], 1, "Detect", DETECT]]
    return found


def p34() -> dict[str, Any]:
    found = v5(anchors=3)
    return {**found, "head": [*found["head"][:11], [[17, 20], 1, "Detect", DETECT]]}


def coarser(levels: int) -> dict[str, Any]:
    """P6 with 4 levels, P7 with 5: more strides behind the backbone, without its way back."""
    found = v5(anchors=[ANCHORS] * levels)
    more = [[-1, 1, "Conv", [1024, 3, 2]] for _ in range(levels - 3)]
    sources = [17, 20, *range(23, 21 + levels)]
    return {**found, "head": [*found["head"][:-1], *more, [sources, 1, "Detect", DETECT]]}


def yolov3_tiny() -> dict[str, Any]:
    """As ultralytics/yolov3 has it."""
    backbone: list[Any] = []
    for channels in (16, 32, 64, 128, 256):
        backbone += [[-1, 1, "Conv", [channels, 3, 1]], [-1, 1, "nn.MaxPool2d", [2, 2, 0]]]
    backbone += [
        [-1, 1, "Conv", [512, 3, 1]],
        [-1, 1, "nn.ZeroPad2d", [[0, 1, 0, 1]]],
        [-1, 1, "nn.MaxPool2d", [2, 1, 0]],
    ]
    head = [[-1, 1, "Conv", [1024, 3, 1]], [-1, 1, "Conv", [256, 1, 1]], [-1, 1, "Conv", [512, 3, 1]]]
    head += [[-2, 1, "Conv", [128, 1, 1]], UP, [[-1, 8], 1, "Concat", [1]], [-1, 1, "Conv", [256, 3, 1]]]
    head.append([[19, 15], 1, "Detect", DETECT])
    return v5(backbone=backbone, head=head, anchors=[ANCHORS, ANCHORS], depth_multiple=1.0, width_multiple=1.0)


def every_layer() -> dict[str, Any]:
    """One model of all blocks, in which a leaky ReLU follows; two levels."""
    backbone = [
        [-1, 1, "Conv", [64, 6, 2, 2]], [-1, 1, "GhostConv", [64, 3, 2]], [-1, 2, "C3Ghost", [64]],
        [-1, 1, "DWConv", [64, 3, 2]], [-1, 2, "BottleneckCSP", [64]], [-1, 2, "Bottleneck", [64]],
        [-1, 1, "C3x", [64]], [-1, 1, "GhostBottleneck", [64]],
        [-1, 1, "Conv", [128, 3, 2]], [-1, 1, "C3TR", [128]], [-1, 1, "SPP", [128, [5, 9]]], [-1, 1, "SPPF", [128, 5]],
    ]  # fmt: skip
    head = [
        [-1, 1, "nn.ConvTranspose2d", [64, 2, 2]], [[-1, 7], 1, "Concat", [1]], [-1, 1, "C3", [64, False]],
        [-1, 1, "nn.ZeroPad2d", [[0, 1, 0, 1]]], [-1, 1, "nn.MaxPool2d", [2, 2, 0]], [-1, 2, "Conv", [128, 3, 1]],
        [[14, 17], 1, "Detect", DETECT],
    ]  # fmt: skip
    return v5(backbone=backbone, head=head, anchors=[ANCHORS, ANCHORS], activation="nn.LeakyReLU(0.1)")


_V8: dict[str, Any] = {
    "backbone": [[-1, 1, "Conv", [channels, 3, 2]] for channels in (64, 128, 256, 512)],
    "head": [[-1, 1, "C2f", [512, True]], [[2, 4], 1, "Detect", ["nc"]]],
}
FEW: dict[str, Any] = {
    "few-v8": _V8,
    "few-26": {
        "end2end": True,
        "reg_max": 1,
        "backbone": _V8["backbone"],
        "head": [[-1, 1, "C3k2", [512, True, 0.5, True]], [[2, 4], 1, "Detect", ["nc"]]],
    },
    "few-v6": {
        "backbone": _V8["backbone"],
        "head": [
            [-1, 1, "nn.ConvTranspose2d", [256, 2, 2, 0]], [[-1, 2], 1, "Concat", [1]], [-1, 1, "Conv", [256, 3, 1]],
            [[6, 3], 1, "Detect", ["nc"]],
        ],
    },
    "few-p2": {
        "backbone": [
            *_V8["backbone"][:2], [-1, 3, "C2f", [128, True]], *([-1, 1, "Conv", [256, 3, 2]] for _ in range(3)),
        ],
        "head": [[-1, 3, "C2f", [256, True]], [[2, 3, 4, 6], 1, "Detect", ["nc"]]],
    },
    "few-12": {
        "backbone": [
            *_V8["backbone"][:2], [-1, 2, "C3k2", [256, False, 0.25]], [-1, 1, "Conv", [512, 3, 2]],
            [-1, 4, "A2C2f", [512, True, 4]],
        ],
        "head": [[-1, 2, "A2C2f", [256, False, -1]], [[2, 5], 1, "Detect", ["nc"]]],
    },
    "few-ghost": {
        "backbone": [
            [-1, 1, "Conv", [64, 3, 2]], [-1, 1, "GhostConv", [128, 3, 2]], [-1, 1, "C3Ghost", [128]],
            [-1, 1, "GhostConv", [256, 3, 2]], [-1, 2, "C3Ghost", [256, True]], [-1, 1, "Conv", [512, 3, 2]],
        ],
        "head": [[-1, 1, "C3Ghost", [512, True]], [[4, 6], 1, "Detect", ["nc"]]],
    },
    "few-v10-p6": {
        "backbone": [
            *([-1, 1, "Conv", [channels, 3, 2]] for channels in (64, 128, 256)), [-1, 1, "SCDown", [512, 3, 2]],
            [-1, 1, "C2fCIB", [512, True, True]], [-1, 1, "SCDown", [512, 3, 2]], [-1, 1, "PSA", [512]],
        ],
        "head": [[-1, 1, "Conv", [512, 3, 2]], [[2, 4, 6, 7], 1, "v10Detect", ["nc"]]],
    },
    "mixed": {
        "end2end": True,
        "reg_max": 1,
        "backbone": [
            [-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]], [-1, 1, "RepNCSPELAN4", [128, 32, 16, 1]],
            [-1, 1, "Conv", [256, 3, 2]], [-1, 1, "C3k2", [256, True]], [-1, 1, "SCDown", [512, 3, 2]],
            [-1, 1, "A2C2f", [512, True, 4]], [-1, 1, "C2PSA", [512]],
        ],
        "head": [
            UP, [[-1, 4], 1, "Concat", [1]], [-1, 1, "C2f", [256]],
            [[10, 7], 1, "Detect", ["nc"]],
        ],
    },
}  # fmt: skip
"""Of few layers, without anchors: as YOLOv8, YOLO26 and YOLOv6 have them, as YOLOv8 has them with four levels from
stride 4 on, as the large YOLO12 has them, with a factor a channel, of ghost convolutions, as YOLOv10 has them with four
levels up to stride 64, and a YOLO26 that also has a block of YOLOv8, YOLOv9, YOLOv10, YOLO11 and YOLO12 each, the last
with a factor a channel."""


def _down(channels: int, kind: str = "Conv") -> list[Any]:
    return [-1, 1, kind, [channels, 3, 2]]


def _up_and_down(source: int, deepest: int, finer: list[Any], down: list[Any], coarser: list[Any]) -> list[Any]:
    """A neck between the layer `source` and `deepest`, the last of the backbone, and the head's two levels."""
    rows = [UP, [[-1, source], 1, "Concat", [1]], finer, down, [[-1, deepest], 1, "Concat", [1]], coarser]
    return [*rows, [[deepest + 3, deepest + 6], 1, "Detect", ["nc"]]]


_C3K2 = [
    _down(64),
    _down(128),
    [-1, 2, "C3k2", [256, False, 0.25]],
    _down(256),
    [-1, 2, "C3k2", [512, True]],
    _down(512),
]
SHORT: dict[str, dict[str, Any]] = {
    "yolov5nu": {
        "backbone": [
            [-1, 1, "Conv", [64, 6, 2, 2]], _down(128), [-1, 3, "C3", [128]], _down(256), _down(512),
            [-1, 1, "SPPF", [512, 5]], [-1, 1, "Conv", [256, 1, 1]],
        ],
        "head": _up_and_down(3, 6, [-1, 3, "C3", [256, False]], _down(256), [-1, 3, "C3", [512, False]]),
    },
    "yolov6n": {
        "backbone": [
            _down(64), _down(128), [-1, 6, "Conv", [128, 3, 1]], _down(256), [-1, 1, "SPPF", [256, 5]],
            [-1, 1, "Conv", [128, 1, 1]],
        ],
        "head": [
            [-1, 1, "nn.ConvTranspose2d", [128, 2, 2, 0]], [[-1, 2], 1, "Concat", [1]],
            [-1, 1, "Conv", [128, 3, 1]], [-1, 9, "Conv", [128, 3, 1]], _down(128), [[-1, 5], 1, "Concat", [1]],
            [-1, 1, "Conv", [256, 3, 1]], [-1, 9, "Conv", [256, 3, 1]], [[9, 13], 1, "Detect", ["nc"]],
        ],
    },
    "yolov9t": {
        "backbone": [
            _down(16), _down(32), [-1, 1, "ELAN1", [32, 32, 16]], [-1, 1, "AConv", [64]],
            [-1, 1, "RepNCSPELAN4", [64, 64, 32, 3]], [-1, 1, "AConv", [128]], [-1, 1, "SPPELAN", [128, 64]],
        ],
        "head": _up_and_down(
            4, 6, [-1, 1, "RepNCSPELAN4", [64, 64, 32, 1]],
            [-1, 1, "AConv", [48]], [-1, 1, "RepNCSPELAN4", [128, 128, 64, 1]],
        ),
    },
    "yolov10n": {
        "backbone": [
            _down(64), _down(128), [-1, 3, "C2f", [128, True]], _down(256), _down(512, "SCDown"),
            [-1, 1, "SPPF", [512, 5]], [-1, 1, "PSA", [512]],
        ],
        "head": [
            *_up_and_down(3, 6, [-1, 3, "C2f", [256]], _down(256), [-1, 3, "C2fCIB", [512, True, True]])[:-1],
            [[9, 12], 1, "v10Detect", ["nc"]],
        ],
    },
    "yolo11n": {
        "backbone": [*_C3K2, [-1, 1, "SPPF", [512, 5]], [-1, 2, "C2PSA", [512]]],
        "head": _up_and_down(4, 7, [-1, 2, "C3k2", [256, False]], _down(256), [-1, 2, "C3k2", [512, True]]),
    },
    "yolo12n": {
        "backbone": [
            *_C3K2[:3], _down(512), [-1, 4, "A2C2f", [512, True, 4]], _down(512), [-1, 4, "A2C2f", [512, True, 1]],
        ],
        "head": _up_and_down(4, 6, [-1, 2, "A2C2f", [256, False, -1]], _down(256), [-1, 2, "C3k2", [512, True]]),
    },
    "yolo26n": {
        "backbone": [*_C3K2, [-1, 1, "SPPF", [512, 5, 3, True]], [-1, 2, "C2PSA", [512]]],
        "head": _up_and_down(4, 7, [-1, 2, "C3k2", [256, True]], _down(256), [-1, 1, "C3k2", [512, True, 0.5, True]]),
    },
}  # fmt: skip
"""What these have instead of their layers, to be shorter: each kind of theirs at least once, and two levels."""
FEW["few-v9"] = SHORT["yolov9t"]  # at a width of its own, for those that take a name


def kinds(arch: Mapping[str, Any]) -> set[str]:
    """The kinds of an architecture's layers: block and arguments, but for numbers of channels and of units."""
    rows = [*arch["backbone"], *arch["head"]]
    within = {"ELAN1": 3, "RepNCSPELAN4": 4, "SPPELAN": 2}  # arguments that are such numbers
    return {repr((block, arguments[within.get(block, 1) :])) for _, _, block, arguments in rows if block != "Concat"}


def few(cfg: str) -> dict[str, Any]:
    return {"nc": 3, "scale": "l", "scales": {"l": [1.0, 1.0, 1024]}, **copy.deepcopy(FEW[cfg])}


def scaled(cfg: str, share: float | None = None, width: float | None = None, depth: float = 1.0) -> dict[str, Any]:
    """An architecture of three classes at a share of its own width, or at a width, and at most so deep. Of YOLOv9's
    blocks, which no multiple makes less deep, the first one has its three bottlenecks and each other one has one."""
    found = few(cfg) if cfg in FEW else architecture(cfg, 3)
    blocks = [row for row in (*found["backbone"], *found["head"]) if row[2] == "RepNCSPELAN4"]
    for row in blocks[1:]:
        row[3][3] = 1
    if "scales" not in found:
        found["width_multiple"] = width or share * found.get("width_multiple", 1.0)
        if "depth_multiple" in found:
            found["depth_multiple"] = min(found["depth_multiple"], depth)
        return found
    own_depth, own_width, most = found["scales"][found["scale"]]
    found["scales"] = {found["scale"]: [min(own_depth, depth), width or share * own_width, most]}
    return found


def least() -> dict[str, Any]:
    """What an architecture of a third of the convolutions has instead: a shortcut, a concatenation, two levels."""
    backbone = [
        [-1, 1, "Conv", [64, 6, 2, 2]], [-1, 1, "Conv", [128, 3, 2]], [-1, 1, "Conv", [256, 3, 2]],
        [-1, 3, "C3", [256]], [-1, 1, "Conv", [512, 3, 2]], [-1, 1, "SPPF", [512, 5]],
    ]  # fmt: skip
    head = [UP, [[-1, 3], 1, "Concat", [1]], [-1, 3, "C3", [256, False]], [[8, 5], 1, "Detect", DETECT]]
    return {"backbone": backbone, "head": head, "anchors": [ANCHORS, [30, 61, 62, 45, 59, 119]]}


def light_convnext() -> dict[str, Any]:
    """As YOLOv5-Light has it in models/yolov5_convnexts.yaml: ConvNeXt-Small, and no SPPF."""
    widths, depths = (96, 192, 384, 768), (3, 3, 27, 3)
    backbone: list[list[Any]] = []
    for width, depth in zip(widths, depths, strict=True):
        backbone.append(
            [-1, 1, "ConvNeXt_Downsample", [width, 2, 2]] if backbone else [-1, 1, "ConvNeXt_Stem", [96, 4, 4]]
        )
        backbone.append([-1, depth, "ConvNeXt_Block", [width]])
    head = [
        [-1, 1, "Conv", [384, 1, 1]], UP, [[-1, 5], 1, "Concat", [1]], [-1, 3, "C3", [384, False]],
        [-1, 1, "Conv", [192, 1, 1]], UP, [[-1, 3], 1, "Concat", [1]], [-1, 3, "C3", [192, False]],
        [-1, 1, "Conv", [192, 3, 2]], [[-1, 12], 1, "Concat", [1]], [-1, 3, "C3", [384, False]],
        [-1, 1, "Conv", [384, 3, 2]], [[-1, 8], 1, "Concat", [1]], [-1, 3, "C3", [768, False]],
        [[15, 18, 21], 1, "Detect", DETECT],
    ]  # fmt: skip
    return v5(depth_multiple=1.0, width_multiple=1.0, backbone=backbone, head=head)
