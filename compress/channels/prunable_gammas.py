"""Which gammas a sparse run penalises: exactly those whose channels pruning can then remove."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from compress.channels.flow import channel_flow, example_image
from compress.channels.protect import kept_on_purpose


def prunable_gammas(model: nn.Module, shortcuts: str, patterns: Sequence[str] = ()) -> dict[str, nn.Parameter]:
    """The batch-norm weights by layer, in the network's order.

    `shortcuts` and `patterns` are prune's --shortcuts and --protect: with "keep", channels that additions unite are
    left out, and so are the layers that match. Raises UsageError for a pattern that matches no convolution.
    """
    flow = channel_flow(model, example_image(model))
    found = kept_on_purpose(flow, shortcuts, patterns).gammas(model)
    return {name: found[name] for name, _ in model.named_modules() if name in found}
