"""Which gammas a sparse run penalises: exactly those whose channels pruning can then remove."""

from __future__ import annotations

from torch import nn

from compress.channels.flow import channel_flow, example_image
from compress.channels.protect import keep_shortcuts


def prunable_gammas(model: nn.Module, shortcuts: str) -> dict[str, nn.Parameter]:
    """The batch-norm weights by layer, in the network's order.

    `shortcuts` is that of prune: with "keep", channels that additions unite are left out, with "group" they are not.
    """
    flow = channel_flow(model, example_image(model))
    found = (keep_shortcuts(flow) if shortcuts == "keep" else flow).gammas(model)
    return {name: found[name] for name, _ in model.named_modules() if name in found}
