"""The optimizer and its schedule: YOLOv5's parameter groups, warm-up and linear decay."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compress.train.settings import TrainSettings

WARMUP_BIAS_LR = 0.1
WARMUP_MOMENTUM = 0.8
_SHORTEST_WARMUP = 100
# YOLOv5 states its decay for steps of 64 pictures.
_NOMINAL_BATCH = 64


def build_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Groups in this order: biases, batch-norm gammas, and all other weights, which alone decay.

    SGD with Nesterov momentum, or Adam with beta1 = momentum.
    """
    biases, gammas, weights = [], [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if name == "bias":
                biases.append(parameter)
            elif isinstance(module, nn.BatchNorm2d):
                gammas.append(parameter)
            else:
                weights.append(parameter)
    decay = settings.weight_decay * settings.batch_size / _NOMINAL_BATCH
    groups: list[dict[str, Any]] = [
        {"params": biases, "weight_decay": 0.0},
        {"params": gammas, "weight_decay": 0.0},
        {"params": weights, "weight_decay": decay},
    ]
    if settings.optimizer == "adam":
        return torch.optim.Adam(groups, lr=settings.lr0, betas=(settings.momentum, 0.999))
    return torch.optim.SGD(groups, lr=settings.lr0, momentum=settings.momentum, nesterov=True)


def schedule(optimizer: Any, settings: TrainSettings, step: int, steps_per_epoch: int) -> None:
    """Set the groups' learning rates and momentum for a step counted from 0 over the whole run.

    Linear from lr0 to lr0 * lrf by epoch; during the warm-up (at most a third of the run) linear from 0, the biases
    from WARMUP_BIAS_LR with SGD.
    """
    epoch = step // steps_per_epoch
    lr = settings.lr0 * ((1 - epoch / settings.epochs) * (1 - settings.lrf) + settings.lrf)
    total = settings.epochs * steps_per_epoch
    warmup = max(round(settings.warmup_epochs * steps_per_epoch), _SHORTEST_WARMUP) if settings.warmup_epochs else 0
    warmup = min(warmup, total // 3)
    part = min(1.0, step / warmup) if warmup else 1.0
    momentum = WARMUP_MOMENTUM + (settings.momentum - WARMUP_MOMENTUM) * part
    for index, group in enumerate(optimizer.param_groups):
        low = WARMUP_BIAS_LR if index == 0 and settings.optimizer == "sgd" else 0.0
        group["lr"] = low + (lr - low) * part
        if "momentum" in group:
            group["momentum"] = momentum
