"""One optimizer step, in an order in which the sparsity survives mixed precision, clipping, accumulation, EMA and DDP.

Gradients are unscaled and clipped, then the subgradient joins them; the weights step, then the soft threshold shrinks
them; the EMA comes last. The penalty is thus neither scaled nor clipped nor averaged, it acts once a step however many
batches make it up, and every process applies the same one to the same weights (docs/adr/0005).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from compress.train import sparsity
from compress.train.distill import Distiller
from compress.train.optimizer import GAMMAS
from compress.train.settings import TrainSettings

Loss = Callable[[list[torch.Tensor], torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


class Stepper:
    """Accumulates gradients and takes steps.

    Args:
        accelerator: Accelerate; its scaler, where it has one, scales the loss.
        model: the model in train mode, on the accelerator's device.
        optimizer: over the model's parameters, in the groups of `build_optimizer`.
        ema: ultralytics' ModelEMA of the model.
        loss_of: loss of a batch, summed over its images, and its parts.
        settings: the run's settings.
        gammas: the parameters that are penalised, or none.
        masks: which channels of each of them, bool [n]; none for all.
        distiller: what the model learns from its teacher, a further part of the loss; None without one.

    Attributes:
        optimizer: the optimizer under Accelerate.
        distils: whether the teacher is asked; its part of the loss is 0 otherwise.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        ema: Any,
        loss_of: Loss,
        settings: TrainSettings,
        gammas: Sequence[nn.Parameter] = (),
        distiller: Distiller | None = None,
        masks: Sequence[torch.Tensor] = (),
    ) -> None:
        self._accelerator = accelerator
        self._model = model
        self._wrapped, self.optimizer = accelerator.prepare(model, optimizer)
        self._ema = ema
        self._loss_of = loss_of
        self._settings = settings
        self._gammas, self._masks = gammas, masks
        self._distiller = distiller
        self.distils = True

    def accumulate(self, x: torch.Tensor, targets: torch.Tensor, last: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the gradients of one batch; `last` says that a step follows, before which processes must agree.

        x: float32 [B, 3, H, W] in 0..1; targets: [n, 6]. Returns the detached loss and its parts, of this process.
        A loss that is not finite in any process is returned as it is, without gradients, in all of them.
        """
        accelerator = self._accelerator
        with nullcontext() if last else accelerator.no_sync(self._wrapped):
            with accelerator.autocast():
                outputs = self._wrapped(x)
            loss, parts = self._loss_of(outputs, targets)
            if self._distiller:
                learnt = self._distiller(x, outputs) if self.distils else loss.new_zeros(())
                loss, parts = loss + learnt, torch.cat((parts, learnt.detach().reshape(1) / len(x)))
            # processes stop together: one alone would leave the others waiting
            worst = accelerator.gather(loss.detach().reshape(1)).sum() if accelerator.num_processes > 1 else loss
            if not torch.isfinite(worst):
                return worst.detach(), parts
            # DDP averages over the processes, a batch is a sum over its images
            accelerator.backward(loss * accelerator.num_processes)
        return loss.detach(), parts

    def step(self, rate: float) -> None:
        """Step with the accumulated gradients; `rate` is the sparsity rate at this moment."""
        rule, scaler = self._settings.sparsity, self._accelerator.scaler
        if scaler is not None:
            scaler.unscale_(self.optimizer.optimizer)
        nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.clip_norm)
        if rule == "subgradient":
            sparsity.add_subgradient(self._gammas, rate, self._masks)
        self.optimizer.step()
        if rule == "proximal" and not self.optimizer.step_was_skipped:
            sparsity.soft_threshold(self._gammas, rate, self.optimizer.param_groups[GAMMAS]["lr"], self._masks)
        self.optimizer.zero_grad()
        self._ema.update(self._model)
