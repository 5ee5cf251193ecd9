"""Constants of removed channels, folded into the layers behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.nets.detector import Detector
from compress.nets.yolov5 import Yolov5
from compress.prune.choose import choose
from compress.prune.fold import fold_constants
from compress.prune.surgery import cut, mask, removed_classes


def without_gamma(model: Detector, flow: ChannelFlow, gone: np.ndarray) -> Detector:
    """The removed gammas are 0, the betas stay: what folding should preserve."""
    with torch.no_grad():
        for name, layer in flow.norms.items():
            model.get_parameter(f"{name}.weight")[torch.from_numpy(np.isin(layer.outputs, gone))] = 0
    return model


def unpadded(model: Detector) -> Detector:
    """Every padding repeats the border instead of writing zeros, so that constants stay constant up to the edge."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "replicate"
    return model


def gap(one: Detector, other: Detector) -> float:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        a, b = one.double().eval()(image), other.double().eval()(image)
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True)) / max(float(x.abs().max()) for x in a)


FAMILIES = [
    pytest.param("yolov5n", id="YOLOv5: anchors, shortcuts"),
    pytest.param("mixed", id="a block of each family: split halves, depthwise convolutions, attention"),
    pytest.param("few-ghost", id="ghost convolutions: depthwise beside what they are made of"),
]


@pytest.mark.parametrize("name", FAMILIES)
def test_exact_where_no_border_is_padded_with_zeros(
    name: str,
    least_model: Callable[..., Detector],
    least_flow: ChannelFlow,
    tiny_free: Callable[..., Detector],
    free_flow: Callable[[str], ChannelFlow],
) -> None:
    make, flow = (least_model, least_flow) if name == "yolov5n" else (partial(tiny_free, name), free_flow(name))
    model = make()
    plan = choose(model, flow, 0.3, 1)
    expected = without_gamma(make(), flow, removed_classes(flow, plan))
    slim = cut(fold_constants(model, flow, plan), flow, plan)
    lossy = cut(model, flow, plan)
    assert gap(unpadded(expected), unpadded(slim)) < 1e-6
    assert gap(expected, unpadded(lossy)) > 1e-3, "dropping the constants must be seen"


def test_only_biases_and_means_move(least_model: Callable[..., Yolov5], least_flow: ChannelFlow) -> None:
    model = least_model()
    plan = choose(model, least_flow, 0.3, 8)
    before = mask(model, least_flow, plan).float().state_dict()
    after = fold_constants(model, least_flow, plan).state_dict()
    changed = {key.rpartition(".")[2] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"running_mean", "bias"}, "beta of the removed channels and the head's biases are the biases"
    weights = [key for key in after if key.endswith("conv.weight")]
    assert all(torch.equal(after[key], model.state_dict()[key]) for key in weights)


def test_the_model_given_stays_as_it_is(least_model: Callable[..., Yolov5], least_flow: ChannelFlow) -> None:
    model = least_model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fold_constants(model, least_flow, choose(model, least_flow, 0.3, 8))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
