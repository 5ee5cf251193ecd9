"""YOLOv5 v5.0: Focus, SPP and the old order come in as v6's layers that compute the same."""

from __future__ import annotations

import copy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from ultralytics.nn.modules import C3, SPP, Bottleneck, Concat, Conv, Focus

from compress.nets.family import architecture
from compress.nets.focus import wide_kernel
from compress.nets.foreign import import_pt
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov5_head import AnchorDetect

# v5.0's own rows that differ from v6's
BACKBONE = [
    [-1, 1, "Focus", [64, 3]],
    [-1, 1, "Conv", [128, 3, 2]],
    [-1, 3, "C3", [128]],
    [-1, 1, "Conv", [256, 3, 2]],
    [-1, 9, "C3", [256]],
    [-1, 1, "Conv", [512, 3, 2]],
    [-1, 9, "C3", [512]],
    [-1, 1, "Conv", [1024, 3, 2]],
    [-1, 1, "SPP", [1024, [5, 9, 13]]],
    [-1, 3, "C3", [1024, False]],
]
V50 = {
    **{key: value for key, value in architecture("yolov5n", 2).items() if key != "backbone"},
    "backbone": BACKBONE,
    "width_multiple": 0.125,
}
COMMON = (Conv, C3, SPP, Focus, Bottleneck, Concat)


@pytest.mark.parametrize(("inputs", "kernel"), [(3, 3), (3, 1), (8, 5)])
def test_a_focus_is_a_convolution_of_stride_2(inputs: int, kernel: int) -> None:
    focus = Focus(inputs, 6, kernel).eval()
    conv = nn.Conv2d(inputs, 6, 2 * kernel, 2, 2 * (kernel // 2), bias=False)
    conv.weight = nn.Parameter(wide_kernel(focus.conv.conv.weight.detach()))
    image = torch.rand(2, inputs, 32, 48)
    with torch.no_grad():
        assert torch.allclose(focus.conv.act(focus.conv.bn(conv(image))), focus(image), atol=1e-5)


def stock_v50(seed: int = 0) -> tuple[nn.Module, Yolov5]:
    """A model of v5.0's layers whose classes are called as its repository has them, and ours to build it from."""
    torch.manual_seed(seed)
    built = Yolov5({**V50, "backbone": [[-1, 1, "Conv", [64, 6, 2, 2]], *BACKBONE[1:]]}, ["a", "b"])
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    old = copy.deepcopy(built)
    focus = Focus(3, 8, 3)
    focus.conv.bn.load_state_dict(old.model[0].bn.state_dict())
    focus.conv.bn.eps = 1e-3
    focus.i, focus.f = 0, -1
    old.model[0] = focus
    return old.eval(), built


@pytest.fixture
def v50_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, nn.Module]:
    old, _ = stock_v50()
    stored = copy.deepcopy(old)
    modules = {name: types.ModuleType(name) for name in ("models", "models.common", "models.yolo")}
    with monkeypatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        for module in stored.modules():
            place, name = "common", type(module).__name__
            if isinstance(module, (Yolov5, AnchorDetect)):
                place, name = "yolo", "Model" if isinstance(module, Yolov5) else "Detect"
            elif not isinstance(module, COMMON):
                continue
            home = modules[f"models.{place}"]
            if not hasattr(home, name):
                setattr(home, name, type(name, (nn.Module,), {"__module__": home.__name__}))
            module.__class__ = getattr(home, name)
        stored.yaml, stored.names = V50, ["a", "b"]
        stored.model[-1].register_buffer("anchor_grid", torch.ones(3, 1, 3, 1, 1, 2))  # v5.0 has it, we need it not
        torch.save({"epoch": -1, "model": stored, "ema": None, "optimizer": None}, tmp_path / "best.pt")
    return tmp_path / "best.pt", old


def test_best_pt_of_v50_computes_what_it_did(v50_file: tuple[Path, Any]) -> None:
    file, old = v50_file
    model = import_pt(file)
    assert model.arch["backbone"][0] == [-1, 1, "Conv", [64, 6, 2, 2]] and model.stride == [8, 16, 32]
    image = torch.rand(1, 3, 128, 96)
    with torch.no_grad():
        for found, expected in zip(model(image), old(image), strict=True):
            assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("scale", "nsmlx")
def test_yaml_of_v50_is_built(tmp_path: Path, scale: str) -> None:
    depth, width = {"n": (0.33, 0.25), "s": (0.33, 0.5), "m": (0.67, 0.75), "l": (1.0, 1.0), "x": (1.33, 1.25)}[scale]
    (tmp_path / "v50.yaml").write_text(yaml.safe_dump({**V50, "depth_multiple": depth, "width_multiple": width / 4}))
    model = Yolov5(architecture(str(tmp_path / "v50.yaml"), 3), ["a", "b", "c"])
    assert model.model[0].conv.weight.shape[1:] == (3, 6, 6) and isinstance(model.model[8], SPP)
