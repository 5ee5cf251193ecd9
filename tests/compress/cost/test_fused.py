"""Layer norms and GELUs as ATC makes operators of them: found in what is exported, and what is none is left."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from compress.channels.flow import channel_flow
from compress.cost import onnx_work, torch_work
from compress.cost.chips import DEFAULT_SOC
from compress.cost.fused import fused
from compress.export.onnx_file import to_onnx
from compress.graph.graph_facts import GraphFacts
from compress.graph.proof_images import proof_images
from compress.lint.run import lint, open_subject
from compress.nets.convnext.gelu import GELU
from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.convnext.layers import ConvNeXtUnit
from compress.nets.detector import Detector
from compress.nets.family import architecture, build
from compress.prune.choose import choose_for
from compress.prune.goal import Goal
from compress.prune.scores import filter_scores
from compress.prune.surgery import cut
from tests.compress import hub

FEW = {
    "backbone": [
        [-1, 1, "ConvNeXt_Stem", [96, 4, 4]], [-1, 1, "ConvNeXt_Block", [96]],
        [-1, 1, "ConvNeXt_Downsample", [192, 2, 2]], [-1, 2, "ConvNeXt_Block", [192]],
    ],
    "head": [[-1, 1, "Conv", [192, 3, 2]], [-1, 1, "Conv", [192, 3, 2]], [[4, 5], 1, "Detect", hub.DETECT]],
    "anchors": [hub.ANCHORS] * 2,
}  # fmt: skip


@cache
def model() -> Detector:
    torch.manual_seed(0)
    arch = {**architecture("yolov5n-convnext", 3), **FEW, "width_multiple": 0.0833, "depth_multiple": 1.0}
    made = build(arch, ["a", "b", "c"], 64).eval()
    for module in made.modules():  # fresh ones, of 1 and 0, would be left out by the simplifier
        if isinstance(module, LayerNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        elif isinstance(module, ConvNeXtUnit):
            nn.init.uniform_(module.gamma, 0.5, 1.5)
    return made


@cache
def pruned() -> Detector:
    flow = channel_flow(model(), torch.zeros(1, 3, 64, 64))
    return cut(model(), flow, choose_for(flow, filter_scores(model(), flow, 2), Goal("uniform", 0.75), 2))


@cache
def graph(of: Callable[[], Detector] = model) -> onnx.ModelProto:
    return onnx.load_from_string(to_onnx(of(), 64, proof_images(None, 64)).content)


def count(kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in model().modules())


@pytest.mark.parametrize("of", [pytest.param(model, id="whole"), pytest.param(pruned, id="pruned")])
def test_all_of_them_are_found_in_what_is_exported(of: Callable[[], Detector], tmp_path: Path) -> None:
    """And ATC and the chip take it; what is pruned is filled up with zeros for its layer norms."""
    found = fused(GraphFacts(graph(of)))
    assert len(found.layer_norms) == count(LayerNorm2d) == 5
    nodes = graph(of).graph.node
    assert sum(node.op_type == "Pad" for node in nodes) == (5 if of is pruned else 0)
    assert all(all(node.input) for node in nodes if node.op_type == "Pad"), "no empty name among what it takes"
    onnx.save(graph(of), tmp_path / "m.onnx")
    findings = lint(open_subject(tmp_path / "m.onnx", "5.0.4", DEFAULT_SOC))
    assert {finding.rule for finding in findings} <= {"channels"}
    rest = [node for node in nodes if node.output[0] not in found.inside and node.output[0] not in found.layer_norms]
    kinds = Counter(node.op_type for node in rest)
    assert not {"Erf", "Sqrt", "Pow", "ReduceMean", "Div", "Sub"} & set(kinds)
    assert kinds["Add"] == count(ConvNeXtUnit) == count(GELU), "what remains is the shortcuts: layer scales are folded"


def test_torch_and_onnx_count_the_same() -> None:
    ours, theirs = torch_work.work_of(model(), 64), onnx_work.work_of(graph(), "m")
    for kind in ("conv", "layer_norm"):
        one, other = (sorted((w.flops, w.padded_flops) for w in works if w.kind == kind) for works in (ours, theirs))
        assert one == other and one
    assert sum(w.kind == "transpose" for w in ours) == 2 * count(LayerNorm2d)


def broken(kind: str, number: int, name: str) -> onnx.ModelProto:
    """The graph whose nodes of a kind take another first or second input."""
    changed = copy.deepcopy(graph())
    for node in changed.graph.node:
        if node.op_type == kind:
            node.input[number] = name
    return changed


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        pytest.param("ReduceMean", 0, id="a mean of something else"),
        pytest.param("Sqrt", 0, id="a root of something else"),
        pytest.param("Erf", 0, id="an error function of something else"),
    ],
)
def test_others_are_left(kind: str, number: int) -> None:
    whole, found = (fused(GraphFacts(g)) for g in (graph(), broken(kind, number, "images")))
    assert len(found.inside) < len(whole.inside)
    assert bool(found.layer_norms) == (kind == "Erf")
