"""ConvNeXt behind YOLOv5's head: with the same weights, whatever their names, it computes what torchvision's does."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.convnext import LayerNorm2d as Reference

from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.convnext.layers import ConvNeXtBlock
from compress.nets.convnext.weights import load_backbone
from compress.nets.detector import Detector
from compress.nets.family import architecture, build
from compress.nets.load_tensors import load_tensors
from compress.nets.yolov5_layers import make_layer
from deploy.errors import ModelError

NAMES = ["a", "b", "c"]
DEPTHS, WIDTHS = (1, 1, 3, 1), (8, 16, 32, 64)
Tensors = dict[str, Any]


def detector(width: float = 0.0833, depth: float = 0.34) -> Detector:
    arch = {**architecture("yolov5m-convnext", 3), "width_multiple": width, "depth_multiple": depth}
    return build(arch, NAMES, 64).eval()


@cache
def classifier() -> ConvNeXt:
    torch.manual_seed(0)
    stages = [CNBlockConfig(w, n, d) for w, n, d in zip(WIDTHS, (*WIDTHS[1:], None), DEPTHS, strict=True)]
    made = ConvNeXt(stages, num_classes=5).eval()
    for parameter in made.parameters():  # a fresh layer scale of 1e-6 would hide what the units compute
        torch.nn.init.normal_(parameter, 0.1, 0.2)
    return made


TIMM = [
    (r"features\.0\.", "stem."),
    (r"features\.(\d)\.(\d+)\.block\.0", r"stages.\1.blocks.\2.conv_dw"),
    (r"features\.(\d)\.(\d+)\.block\.2", r"stages.\1.blocks.\2.norm"),
    (r"features\.(\d)\.(\d+)\.block\.3", r"stages.\1.blocks.\2.mlp.fc1"),
    (r"features\.(\d)\.(\d+)\.block\.5", r"stages.\1.blocks.\2.mlp.fc2"),
    (r"features\.(\d)\.(\d+)\.layer_scale", r"stages.\1.blocks.\2.gamma"),
    (r"features\.(\d)\.([01])\.(weight|bias)", r"stages.\1.downsample.\2.\3"),
    (r"classifier\.0", "head.norm"),
    (r"classifier\.2", "head.fc"),
]
AUTHORS = [
    (r"features\.0\.", "downsample_layers.0."),
    (r"features\.(\d)\.(\d+)\.block\.0", r"stages.\1.\2.dwconv"),
    (r"features\.(\d)\.(\d+)\.block\.2", r"stages.\1.\2.norm"),
    (r"features\.(\d)\.(\d+)\.block\.3", r"stages.\1.\2.pwconv1"),
    (r"features\.(\d)\.(\d+)\.block\.5", r"stages.\1.\2.pwconv2"),
    (r"features\.(\d)\.(\d+)\.layer_scale", r"stages.\1.\2.gamma"),
    (r"features\.(\d)\.([01])\.(weight|bias)", r"downsample_layers.\1.\2.\3"),
    (r"classifier\.0", "norm"),
    (r"classifier\.2", "head"),
]


def renamed(names: list[tuple[str, str]]) -> Tensors:
    """torchvision's tensors by other names. Its stages are 1, 3, 5, 7 and the others' 0 to 3, layer scales vectors."""
    found = {}
    for name, value in classifier().state_dict().items():
        for pattern, other in names:
            name, changed = re.subn(f"^{pattern}", other, name)
            if changed:
                break
        told = re.match(r"(stages|downsample_layers)\.([1-7])\.", name)
        stage = f"{told[1]}.{int(told[2]) // 2}." if told else ""
        found[stage + name.removeprefix(told[0]) if told else name] = value.flatten() if "gamma" in name else value
    return found


def torchvisions() -> Tensors:
    return dict(classifier().state_dict())


FILES = [
    pytest.param(torchvisions, "x.pth", lambda t, f: torch.save(t, f), id="torchvision"),
    pytest.param(torchvisions, "x.safetensors", save_file, id="as safetensors"),
    pytest.param(lambda: renamed(TIMM), "x.safetensors", save_file, id="timm"),
    pytest.param(lambda: renamed(AUTHORS), "x.pth", lambda t, f: torch.save({"model": t}, f), id="the authors"),
]


@pytest.mark.parametrize(("tensors", "file", "save"), FILES)
def test_features_are_those_of_the_classifier(
    tensors: Callable[[], Tensors], file: str, save: Callable[[Tensors, Path], None], tmp_path: Path
) -> None:
    """On images in 0..1, of which the classifier takes mean and deviation off."""
    save(tensors(), tmp_path / file)
    model = detector()
    load_backbone(model, tmp_path / file)
    ours = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    theirs = (ours - mean) / deviation
    with torch.no_grad():
        for layer, reference in zip(model.model, classifier().features, strict=False):
            ours, theirs = layer(ours), reference(theirs)
            assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


FAULTS = [
    pytest.param(
        {},
        lambda: detector(depth=0.67),
        "no tensor for 'stage0.1.gamma': the architecture's stages have 2 x 8, 2 x 16, 6 x 32",
        id="more units",
    ),
    pytest.param(
        {"features.5.3.block.0.weight": torch.zeros(32, 1, 7, 7)},
        detector,
        "'features.5.3.block.0.weight' has no place: the architecture's stages have 1 x 8, 1 x 16, 3 x 32, 1 x 64",
        id="fewer units",
    ),
    pytest.param({}, lambda: detector(width=0.1666), "has shape [8, 3, 4, 4], expected [16, 3, 4, 4]", id="wider"),
    pytest.param(
        {"stages.0.blocks.0.mlp.grn.weight": torch.zeros(32)}, detector, "is no tensor of a ConvNeXt", id="ConvNeXt V2"
    ),
    pytest.param({"features.0.0.bias": torch.full((8,), torch.nan)}, detector, "not finite", id="NaN"),
    pytest.param({"epoch": 3}, detector, "'epoch' is no tensor", id="a number among the tensors"),
    pytest.param({}, lambda: build(architecture("yolov5n", 3), NAMES, 64), "no layer of ConvNeXt", id="no ConvNeXt"),
]


@pytest.mark.parametrize(("others", "model", "sentence"), FAULTS)
def test_weights_that_do_not_fit_are_refused(
    others: Tensors, model: Callable[[], Detector], sentence: str, tmp_path: Path
) -> None:
    file, made = tmp_path / "x.pth", model()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    torch.save({**torchvisions(), **others}, file)
    with pytest.raises(ModelError, match=re.escape(sentence)) as caught:
        load_backbone(made, file)
    assert str(caught.value).startswith(f"{file}: ")
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items()), "nothing half loaded"


@pytest.mark.parametrize("content", [pytest.param({}, id="nothing"), pytest.param([1, 2], id="a list")])
def test_files_without_tensors_are_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(ModelError, match=r"x\.pth: holds no state_dict"):
        load_backbone(detector(), tmp_path / "x.pth")


def test_layer_norm_is_torchvisions() -> None:
    x = torch.randn(2, 6, 3, 5)
    ours, theirs = LayerNorm2d(6), Reference(6, eps=1e-6)
    ours.load_state_dict({"weight": torch.rand(6), "bias": torch.rand(6)})
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(x), theirs(x))


def test_layer_norm_counts_what_is_gone_as_zeros() -> None:
    kept = torch.tensor([0, 2, 5])
    whole = LayerNorm2d(6)
    whole.load_state_dict({"weight": torch.rand(6), "bias": torch.rand(6)})
    slim = LayerNorm2d(6)
    load_tensors(slim, {name: value[kept] for name, value in whole.state_dict().items()}, "x")
    x = torch.zeros(2, 6, 3, 5)
    x[:, kept] = torch.randn(2, 3, 3, 5)
    torch.testing.assert_close(slim(x[:, kept]), whole(x)[:, kept])


def test_a_block_is_as_wide_as_what_it_takes() -> None:
    rows = architecture("yolov5n-convnext", 3)
    rows["backbone"][1] = [-1, 3, "ConvNeXt_Block", [192]]
    with pytest.raises(ModelError, match="a ConvNeXt_Block of 80 channels takes as many, and not 40"):
        build(rows, NAMES, 64)


@pytest.mark.parametrize(
    ("cfg", "depths", "widths"),
    [
        pytest.param("yolov5n-convnext", (2, 2, 6, 2), (40, 80, 160, 320), id="ConvNeXt-Atto"),
        pytest.param("yolov5s-convnext", (2, 2, 6, 2), (64, 128, 256, 512), id="-Pico"),
        pytest.param("yolov5m-convnext", (3, 3, 9, 3), (96, 192, 384, 768), id="-Tiny"),
    ],
)
def test_sizes_are_those_of_published_weights(cfg: str, depths: tuple, widths: tuple) -> None:
    arch, channels, blocks = architecture(cfg, 3), 3, []
    with torch.device("meta"):
        for _, repeats, kind, args in arch["backbone"]:
            units = max(round(repeats * arch["depth_multiple"]), 1)
            layer, channels = make_layer(kind, [channels], units, args, arch["width_multiple"])
            blocks += [layer] if isinstance(layer, ConvNeXtBlock) else []
    assert tuple(len(block.m) for block in blocks) == depths
    assert tuple(len(block.units[0].gamma) for block in blocks) == widths
