"""Whether gammas are sparse enough to be judged by: what `prune` says before anybody wonders about an mAP of 0."""

from __future__ import annotations

import numpy as np

from compress.prune.plan import Plan
from compress.prune.scores import Scores

NEAR_ZERO = 0.01  # |gamma| below which a channel counts as silent, as in sparse training


def near_zero_share(scores: Scores) -> float:
    """The share of the removable channels whose |gamma| is below NEAR_ZERO, 0..1."""
    values = np.concatenate([np.empty(0), *scores.values()])
    return float((values < NEAR_ZERO).mean()) if len(values) else 0.0


def sparsity_warning(scores: Scores, plan: Plan) -> str:
    """One sentence where the plan removes channels that are not near zero, "" where at most a tenth of them are not.

    scores: those of gamma, by which the plan was chosen.
    """
    removed = np.concatenate(
        [np.empty(0), *(scores[group.name][group.removed] for group in plan.groups if group.name in scores)]
    )
    alive = removed[removed >= NEAR_ZERO]
    if not len(removed) or len(alive) <= 0.1 * len(removed):
        return ""
    everything = np.concatenate(list(scores.values()))
    below = float((everything < alive.max()).mean())
    return (
        f"the gammas are not sparse: {near_zero_share(scores):.1%} of them are below {NEAR_ZERO}, and {len(alive)} of "
        f"the {len(removed)} channels that go have more, up to {alive.max():.3g} (the {below:.0%} point of the "
        "histogram); expect an mAP near 0 until the model is fine-tuned. A sparse run first, or "
        "--score taylor on a dense model, loses less; --eval DATA shows it"
    )
