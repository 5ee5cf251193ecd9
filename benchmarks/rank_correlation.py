"""Whether two measures put things in the same order: Kendall's tau-b, with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Tau-b of two measures of the same things, -1..1: pairs in the same order less pairs in the opposite one, where
    ties count for neither (Kendall 1945); nan where one measure is the same for all.
    """
    return float(_taus(np.asarray(first, float)[None], np.asarray(second, float)[None])[0])


def tau_interval(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The bootstrap interval of tau-b over the things measured, percentiles of 10 000 resamples, the same at each call.

    Resamples in which a measure does not vary say nothing and are left out; (nan, nan) where none says anything.
    """
    count = len(first)
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    taus = _taus(np.asarray(first, float)[drawn], np.asarray(second, float)[drawn])
    taus = taus[~np.isnan(taus)]
    if not len(taus):
        return float("nan"), float("nan")
    low, high = np.quantile(taus, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _taus(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tau-b of each row; both are rows x things."""
    above = np.triu_indices(first.shape[1], 1)
    one = np.sign(first[:, above[0]] - first[:, above[1]])
    other = np.sign(second[:, above[0]] - second[:, above[1]])
    untied = np.sqrt((one != 0).sum(1) * (other != 0).sum(1).astype(float))
    with np.errstate(invalid="ignore"):
        return (one * other).sum(1) / untied
