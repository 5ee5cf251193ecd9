"""Which channels' gammas a sparse run penalises: all that pruning can remove, or those alone that a plan removes.

With a plan the run regularises just the channels that are going to be cut, and leaves the others to learn what these
did (growing regularisation of chosen weights: Wang et al. 2021, arXiv 2012.09243, "GReg-1").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from compress.channels.flow import channel_flow, example_image
from compress.channels.prunable_gammas import prunable_gammas
from compress.prune.plan import load_plan, read_plan
from compress.prune.surgery import removed_classes
from deploy.errors import ModelError, UsageError


def penalised(
    model: nn.Module, shortcuts: str, patterns: Sequence[str], plan_file: str | Path | None
) -> dict[str, torch.Tensor]:
    """Which channels of each batch norm that could be pruned are penalised: bool [channels] by layer, in the network's
    order.

    `shortcuts` and `patterns` are prune's --shortcuts and --protect; a plan has decided about them itself. Raises
    ModelError for a plan that does not fit the model, or that removes no channel with a gamma, and UsageError for a
    pattern that matches no convolution or where no gamma is left.
    """
    if plan_file is None:
        gammas = prunable_gammas(model, shortcuts, patterns)
        if not gammas:
            raise UsageError(
                "no gamma is left to penalise: expected a batch norm that neither --protect nor --shortcuts keep spares"
            )
        return {name: torch.ones(len(gamma), dtype=torch.bool) for name, gamma in gammas.items()}
    flow = channel_flow(model, example_image(model), read_plan(plan_file).places())
    gone = removed_classes(flow, load_plan(plan_file, flow))
    removable = flow.gammas(model)
    found = {
        name: torch.from_numpy(np.isin(flow.norms[name].outputs, gone))
        for name, _ in model.named_modules()
        if name in removable
    }
    if not any(mask.any() for mask in found.values()):
        raise ModelError(f"{plan_file}: removes no channel with a batch norm, so there is no gamma to penalise")
    return found
