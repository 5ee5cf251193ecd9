"""Gives a model the tensors of a slimmer one: the layers take the shapes of what they are given."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from ultralytics.nn.modules.block import A2C2f

from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.convnext.layers import ConvNeXtUnit
from compress.nets.detector import Detector
from deploy.errors import ModelError


def load_tensors(model: nn.Module, tensors: Mapping[str, torch.Tensor], source: str) -> None:
    """Replace every tensor of `model` by the one of the same name, and correct the layers' channel counts.

    Kernel sizes and the number of dimensions must stay; the channels of convolutions and norms may differ in number.
    `source` names the origin of the tensors in errors. Floating tensors become float32.
    Raises ModelError when names are missing or left over, when a shape differs in more than its channels, and for NaN
    and infinite values.
    """
    expected = model.state_dict()
    missing, extra = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    if missing or extra:
        name = min(missing or extra)
        fault = "lacks a tensor that its architecture needs" if missing else "has a tensor unknown to its architecture"
        raise ModelError(f"{source}: {fault}, '{name}'")
    for path, module in model.named_modules():
        counted = 2 if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)) else 0
        if isinstance(module, (LayerNorm2d, ConvNeXtUnit, A2C2f)):  # the last two have a factor a channel
            counted = 1
        for table in (module._parameters, module._buffers):
            for name, old in table.items():
                if old is None:
                    continue
                key = f"{path}.{name}" if path else name
                new = tensors[key].detach().clone()
                if new.dim() != old.dim() or new.shape[counted:] != old.shape[counted:]:
                    raise ModelError(
                        f"{source}: tensor '{key}' has shape {list(new.shape)}, expected one like {list(old.shape)}"
                    )
                if new.is_floating_point() and not torch.isfinite(new).all():
                    raise ModelError(f"{source}: tensor '{key}' has values that are not finite (NaN or infinite)")
                new = new.to(old.device, torch.float32 if new.is_floating_point() else old.dtype)
                table[name] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
        _count_channels(module, path, source)
    if isinstance(model, Detector):
        model.update_derived()


def _count_channels(module: nn.Module, path: str, source: str) -> None:
    if isinstance(module, nn.Conv2d):
        depthwise = module.groups == module.in_channels == module.out_channels
        module.out_channels, per_group = module.weight.shape[:2]
        if depthwise:
            module.groups = module.out_channels
        module.in_channels = per_group * module.groups
        lengths = {module.out_channels, *([] if module.bias is None else [module.bias.numel()])}
    elif isinstance(module, nn.ConvTranspose2d):
        depthwise = module.groups == module.in_channels == module.out_channels
        module.in_channels, per_group = module.weight.shape[:2]
        if depthwise:
            module.groups = module.in_channels
        module.out_channels = per_group * module.groups
        lengths = {module.out_channels, *([] if module.bias is None else [module.bias.numel()])}
    elif isinstance(module, nn.BatchNorm2d):
        module.num_features = module.weight.numel()
        lengths = {t.numel() for t in (module.weight, module.bias, module.running_mean, module.running_var)}  # type: ignore[union-attr]
    elif isinstance(module, LayerNorm2d):
        lengths = {module.weight.numel(), module.bias.numel()}
    else:
        return
    if len(lengths) != 1:
        raise ModelError(f"{source}: the tensors of layer '{path}' disagree on its channels: {sorted(lengths)}")
