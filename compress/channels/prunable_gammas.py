"""Which gammas a sparse run penalises: exactly those whose channels pruning can then remove."""

from __future__ import annotations

import torch
from torch import nn

from compress.channels.flow import channel_flow
from compress.channels.protect import keep_shortcuts


def prunable_gammas(model: nn.Module, shortcuts: str) -> dict[str, nn.Parameter]:
    """The batch-norm weights by layer, in the network's order.

    `shortcuts` is that of prune: with "keep", channels that additions unite are left out, with "group" they are not.
    """
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    found = (keep_shortcuts(flow) if shortcuts == "keep" else flow).gammas(model)
    return {name: found[name] for name, _ in model.named_modules() if name in found}
