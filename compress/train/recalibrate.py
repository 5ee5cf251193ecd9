"""Batch-norm statistics anew from images: what a model needs whose weights changed faster than they could follow.

Source: Wu and Johnson, Rethinking "Batch" in BatchNorm (2021, arXiv 2105.07576), section 3 (precise BN).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


@torch.no_grad()
def recalibrate(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Replace the running means and variances by plain averages over `batches`, float32 [B, 3, H, W] in 0..1.

    The weights stay as they are, and so do the layers' momentum and the model's mode.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    for batch in batches:
        model(batch)
    model.train(was_training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
