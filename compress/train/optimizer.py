"""The optimizer and its schedule: YOLOv5's parameter groups, warm-up and linear decay."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.convnext.layers import ConvNeXtUnit
from compress.train.settings import TrainSettings

BIASES, GAMMAS, WEIGHTS = 0, 1, 2  # the groups' places
WARMUP_MOMENTUM = 0.8
# YOLOv5 states its decay for steps of 64 images.
_NOMINAL_BATCH = 64


def build_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Groups in this order: biases, the gammas of norms and layer scales, and all other weights, which alone decay;
    frozen ones in none.

    SGD with Nesterov momentum, or Adam or AdamW with beta1 = momentum. The decay of the first two is part of the
    gradient and is stated for steps of 64 images; AdamW's is a share of the learning rate, whatever the step
    (Loshchilov and Hutter 2019, arXiv 1711.05101).
    """
    biases, gammas, weights = [], [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            if name == "bias":
                biases.append(parameter)
            elif isinstance(module, (nn.BatchNorm2d, LayerNorm2d, ConvNeXtUnit)):
                gammas.append(parameter)
            else:
                weights.append(parameter)
    decay = settings.weight_decay
    if settings.optimizer != "adamw":
        decay *= settings.batch_size * settings.accumulate / _NOMINAL_BATCH
    groups: list[dict[str, Any]] = [
        {"params": biases, "weight_decay": 0.0},
        {"params": gammas, "weight_decay": 0.0},
        {"params": weights, "weight_decay": decay},
    ]
    if settings.optimizer != "sgd":
        made = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
        return made(groups, lr=settings.lr0, betas=(settings.momentum, 0.999))
    return torch.optim.SGD(groups, lr=settings.lr0, momentum=settings.momentum, nesterov=True)


def schedule(optimizer: Any, settings: TrainSettings, batch: int, batches_per_epoch: int) -> int:
    """Set the groups' learning rates and momentum for a batch counted from 0 over the whole run.

    Linear from lr0 to lr0 * lrf by epoch; during the warm-up (at most a third of the run) linear from 0, the biases
    from warmup_bias_lr with SGD. Returns how many batches make a step now: `accumulate`, to which the warm-up leads
    up from 1.
    """
    lr = rate_at(settings, batch // batches_per_epoch)
    part = _warm_part(settings, batch, batches_per_epoch)
    momentum = WARMUP_MOMENTUM + (settings.momentum - WARMUP_MOMENTUM) * part
    for index, group in enumerate(optimizer.param_groups):
        low = settings.warmup_bias_lr if index == BIASES and settings.optimizer == "sgd" else 0.0
        group["lr"] = low + (lr - low) * part
        if "momentum" in group:
            group["momentum"] = momentum
    return max(1, round(1 + (settings.accumulate - 1) * part))


def rate_at(settings: TrainSettings, epoch: int) -> float:
    """The learning rate of an epoch, counted from 0, behind the warm-up."""
    return settings.lr0 * ((1 - epoch / settings.epochs) * (1 - settings.lrf) + settings.lrf)


def _warm_part(settings: TrainSettings, batch: int, batches_per_epoch: int) -> float:
    """How much of the warm-up is done, 0..1."""
    if not settings.warmup_epochs:
        return 1.0
    warmup = max(round(settings.warmup_epochs * batches_per_epoch), settings.warmup_steps)
    warmup = min(warmup, settings.epochs * batches_per_epoch // 3)
    return min(1.0, batch / warmup) if warmup else 1.0
