"""What a model costs: parameters and floating-point operations, counted as ultralytics counts them."""

from __future__ import annotations

import copy

import torch
from torch import nn

from compress.nets.detector import Detector


def parameters(model: nn.Module) -> int:
    """The number of trainable values."""
    return sum(p.numel() for p in model.parameters())


def flops(model: nn.Module, imgsz: int) -> int:
    """Floating-point operations for one image of imgsz x imgsz pixels, two for each multiply-accumulate."""
    import thop

    counted = model.counted() if isinstance(model, Detector) else model
    image = torch.zeros(1, 3, imgsz, imgsz)
    return int(thop.profile(copy.deepcopy(counted).float().eval(), inputs=[image], verbose=False)[0] * 2)
