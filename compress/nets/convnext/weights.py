"""Gives a detector's ConvNeXt the weights of a classifier, by the names of torchvision, timm or the authors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import nn

from compress.nets.convnext.layers import ConvNeXtBlock, ConvNeXtDownsample, ConvNeXtStem
from compress.nets.detector import Detector
from compress.nets.state_dict_file import read_state_dict
from deploy.errors import ModelError

_NAMES = [
    # torchvision, models/convnext.py: what is odd is a stage, what is even comes before one
    (r"features\.0\.0\.(?P<end>.+)", "stem.conv"),
    (r"features\.0\.1\.(?P<end>.+)", "stem.ln"),
    (r"features\.(?P<odd>\d*[13579])\.(?P<unit>\d+)\.block\.0\.(?P<end>.+)", "unit.dwconv"),
    (r"features\.(?P<odd>\d*[13579])\.(?P<unit>\d+)\.block\.2\.(?P<end>.+)", "unit.norm"),
    (r"features\.(?P<odd>\d*[13579])\.(?P<unit>\d+)\.block\.3\.(?P<end>.+)", "unit.pwconv1"),
    (r"features\.(?P<odd>\d*[13579])\.(?P<unit>\d+)\.block\.5\.(?P<end>.+)", "unit.pwconv2"),
    (r"features\.(?P<odd>\d*[13579])\.(?P<unit>\d+)\.layer_scale", "unit.gamma"),
    (r"features\.(?P<even>\d*[02468])\.0\.(?P<end>.+)", "down.ln"),
    (r"features\.(?P<even>\d*[02468])\.1\.(?P<end>.+)", "down.conv"),
    # timm, models/convnext.py
    (r"stem\.0\.(?P<end>.+)", "stem.conv"),
    (r"stem\.1\.(?P<end>.+)", "stem.ln"),
    (r"stages\.(?P<stage>\d+)\.downsample\.0\.(?P<end>.+)", "down.ln"),
    (r"stages\.(?P<stage>\d+)\.downsample\.1\.(?P<end>.+)", "down.conv"),
    (r"stages\.(?P<stage>\d+)\.blocks\.(?P<unit>\d+)\.conv_dw\.(?P<end>.+)", "unit.dwconv"),
    (r"stages\.(?P<stage>\d+)\.blocks\.(?P<unit>\d+)\.norm\.(?P<end>.+)", "unit.norm"),
    (r"stages\.(?P<stage>\d+)\.blocks\.(?P<unit>\d+)\.mlp\.fc1\.(?P<end>.+)", "unit.pwconv1"),
    (r"stages\.(?P<stage>\d+)\.blocks\.(?P<unit>\d+)\.mlp\.fc2\.(?P<end>.+)", "unit.pwconv2"),
    (r"stages\.(?P<stage>\d+)\.blocks\.(?P<unit>\d+)\.gamma", "unit.gamma"),
    # the authors' own, facebookresearch/ConvNeXt
    (r"downsample_layers\.0\.0\.(?P<end>.+)", "stem.conv"),
    (r"downsample_layers\.0\.1\.(?P<end>.+)", "stem.ln"),
    (r"downsample_layers\.(?P<stage>\d+)\.0\.(?P<end>.+)", "down.ln"),
    (r"downsample_layers\.(?P<stage>\d+)\.1\.(?P<end>.+)", "down.conv"),
    (r"stages\.(?P<stage>\d+)\.(?P<unit>\d+)\.(?P<part>dwconv|norm|pwconv1|pwconv2)\.(?P<end>.+)", "unit.{part}"),
    (r"stages\.(?P<stage>\d+)\.(?P<unit>\d+)\.gamma", "unit.gamma"),
]
"""What a tensor's name says, and what the layer is here."""
_CLASSIFIER = re.compile(r"(classifier|head|norm|norm_pre)\..+")
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""By which these classifiers' images are normalised, RGB in 0..1."""


def load_backbone(model: Detector, path: str | Path) -> None:
    """Give the ConvNeXt layers of `model` the tensors of a classifier's state_dict, in place.

    The classifiers take images with ImageNet's mean and deviation taken off, detectors take them as they are: that goes
    into the stem, whose convolution has no padding, exactly.

    Raises ModelError for a model without such layers, and for a file whose stages are of another depth or width, whose
    tensors have other names, or whose values are not finite.
    """
    slots = dict(_slots(model))
    if not slots:
        raise ModelError(f"{path}: holds a ConvNeXt's weights, but the architecture has no layer of ConvNeXt")
    given = _as_here(read_state_dict(path), str(path))
    here = f"the architecture's stages have {_shown(model)}"
    for name in given:
        if name not in slots:
            raise ModelError(f"{path}: '{given[name][0]}' has no place: {here}")
    for name, target in slots.items():
        if name not in given:
            raise ModelError(f"{path}: has no tensor for '{name}': {here}")
        theirs, value = given[name]
        if _sides(value) != _sides(target):
            raise ModelError(f"{path}: '{theirs}' has shape {list(value.shape)}, expected {list(target.shape)}: {here}")
        if not torch.isfinite(value).all():
            raise ModelError(f"{path}: '{theirs}' has values that are not finite (NaN or infinite)")
    with torch.no_grad():
        for name, target in slots.items():
            target.copy_(given[name][1].reshape(target.shape))
        _take_normalisation(slots["stem.conv.weight"], slots["stem.conv.bias"])


def _as_here(tensors: Mapping[str, torch.Tensor], source: str) -> dict[str, tuple[str, torch.Tensor]]:
    """Each tensor by what it is called here, with its own name; those of the classifier are left out."""
    found: dict[str, tuple[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        ours = _name_here(name)
        if ours:
            found[ours] = (name, value)
        elif not _CLASSIFIER.fullmatch(name):
            raise ModelError(f"{source}: '{name[:80]}' is no tensor of a ConvNeXt by torchvision's or timm's names")
    return found


def _name_here(name: str) -> str:
    for pattern, ours in _NAMES:
        told = re.fullmatch(pattern, name)
        if told:
            parts = told.groupdict()
            stage = int(parts.get("stage") or 0)
            if "odd" in parts:
                stage = (int(parts["odd"]) - 1) // 2
            elif "even" in parts:
                stage = int(parts["even"]) // 2
            kind, _, layer = ours.partition(".")
            place = {"stem": "stem", "down": f"down{stage}", "unit": f"stage{stage}.{parts.get('unit')}"}[kind]
            end = f".{parts['end']}" if parts.get("end") else ""
            return f"{place}.{layer.format_map(parts)}{end}"
    return ""


def _slots(model: Detector) -> Iterator[tuple[str, torch.Tensor]]:
    """The parameters of the ConvNeXt layers by the same names, in the order of the layers."""
    stages = downs = 0
    for layer in model.model:
        if isinstance(layer, ConvNeXtStem):
            yield from _named(layer, "stem")
        elif isinstance(layer, ConvNeXtDownsample):
            downs += 1
            yield from _named(layer, f"down{downs}")
        elif isinstance(layer, ConvNeXtBlock):
            yield from _named(layer.m, f"stage{stages}")
            stages += 1


def _named(module: nn.Module, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    return ((f"{prefix}.{name}", value) for name, value in module.named_parameters())


def _shown(model: Detector) -> str:
    blocks = [layer for layer in model.model if isinstance(layer, ConvNeXtBlock)]
    return ", ".join(f"{len(block.m)} x {len(block.units[0].gamma)}" for block in blocks) + " (units x channels)"


def _sides(tensor: torch.Tensor) -> list[int]:
    """Its shape without sides of 1: a linear layer is a convolution of one pixel here."""
    return [side for side in tensor.shape if side != 1]


def _take_normalisation(weight: torch.Tensor, bias: torch.Tensor) -> None:
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
    weight /= deviation
    bias -= (weight * mean).sum((1, 2, 3))
