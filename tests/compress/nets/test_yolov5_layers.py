"""The layers that YOLOv5's own YAML files name: built as YOLOv5 builds them, or refused by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from compress.nets.family import build, check_architecture
from compress.nets.yolov5 import scales_of
from deploy.errors import ModelError
from tests.compress import hub

NAMES = ["a", "b", "c"]


def built(arch: dict[str, Any], width: float = 0.125) -> Any:
    anchors = arch["anchors"]
    rows = [hub.ANCHORS] * scales_of(arch) if isinstance(anchors, int) else anchors
    return build({**arch, "width_multiple": width, "anchors": rows}, NAMES, 64)


HUB = [
    pytest.param(hub.ghost, [8, 16, 32], "yolov5", id="Ghost"),
    pytest.param(hub.transformer, [8, 16, 32], "yolov5", id="transformer"),
    pytest.param(hub.csp, [8, 16, 32], "yolov5", id="CSP"),
    pytest.param(hub.bifpn, [8, 16, 32], "yolov5", id="BiFPN"),
    pytest.param(hub.p2, [4, 8, 16, 32], "anchor_based", id="P2: the SDK's library has no such level"),
    pytest.param(hub.p34, [8, 16], "anchor_based", id="P34: the coarsest stride is not 32"),
    pytest.param(lambda: hub.coarser(4), [8, 16, 32, 64], "anchor_based", id="P6"),
    pytest.param(lambda: hub.coarser(5), [8, 16, 32, 64, 128], "anchor_based", id="P7"),
    pytest.param(hub.yolov3_tiny, [16, 32], "anchor_based", id="YOLOv3-tiny with anchors"),
    pytest.param(hub.light_convnext, [8, 16, 32], "yolov5", id="ConvNeXt-Small of YOLOv5-Light"),
    pytest.param(hub.every_layer, [8, 16], "anchor_based", id="every layer"),
]


@pytest.mark.parametrize(("arch", "strides", "post"), HUB)
def test_hub_architectures_are_built(arch: Callable[[], dict[str, Any]], strides: list[int], post: str) -> None:
    check_architecture(arch(), "x.yaml")
    model = built(arch()).eval()
    side = 2 * max(strides)
    with torch.no_grad():
        outputs = model(torch.zeros(1, 3, side, side))
    assert (model.stride, model.post_processor) == (strides, post)
    assert [tuple(o.shape[1:]) for o in outputs] == [(3, side // s, side // s, 8) for s in strides]


def test_parameters_are_those_that_yolov3_says_of_itself() -> None:
    arch = {**hub.yolov3_tiny(), "nc": 80}
    model = build(arch, [f"class{i}" for i in range(80)], 64)
    assert sum(p.numel() for p in model.parameters()) == 8852366


def test_bottlenecks_begin_with_one_pixel_as_in_yolov5() -> None:
    model = built(hub.every_layer())
    kernels = {m.cv1.conv.kernel_size for n, m in model.named_modules() if type(m).__name__ == "Bottleneck"}
    assert kernels == {(1, 1), (1, 3)}, "ultralytics' own begin with 3x3; C3x has a cross"
    assert not isinstance(model.model[5], nn.Sequential), "once at a third of the depth"
    arch = hub.every_layer()
    arch["head"][5][1] = 1
    deep = build({**arch, "depth_multiple": 1.0, "width_multiple": 0.125}, NAMES, 64)
    assert len(deep.model[5]) == 2 and len(deep.model[4].m) == 2, "repeated as a whole, or inside"


def test_activation_of_the_architecture_is_everywhere() -> None:
    model = built(hub.with_layers({}, range(0)) | {"activation": "nn.LeakyReLU(0.1)"})
    found = {type(m.act) for m in model.modules() if hasattr(m, "act")}
    assert found == {nn.LeakyReLU}, "SPPF's first convolution too"
    assert {type(m.act) for m in built(hub.v5()).modules() if hasattr(m, "act")} == {nn.SiLU}, "of that model alone"


@pytest.mark.parametrize("layer", ["CrossConv", "MixConv2d", "C3SPP", "Contract", "Expand", "print"])
def test_other_layers_are_refused_by_name(layer: str) -> None:
    with pytest.raises(ModelError, match=f"x.yaml: layer 2 is a '{layer}', expected one of C3, "):
        check_architecture(hub.with_layers({"C3": layer}, range(2, 3)), "x.yaml")


@pytest.mark.parametrize(
    "anchors",
    [
        pytest.param(0, id="none"),
        pytest.param(10, id="more than nine"),
        pytest.param(True, id="a boolean"),
        pytest.param(2.5, id="a fraction"),
        pytest.param([[1, 2], [3]], id="half a pair"),
    ],
)
def test_anchors_that_are_none(anchors: Any) -> None:
    with pytest.raises(ModelError, match="expected equally long lists of w, h pairs, or their number"):
        check_architecture(hub.v5(anchors=anchors), "x.yaml")


def test_a_number_of_anchors_alone_is_no_model_yet() -> None:
    with pytest.raises(ModelError, match="says how many anchors a scale has \\(3\\) and not which: train and"):
        build(hub.p34(), NAMES, 64)
