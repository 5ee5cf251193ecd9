"""Which range of a tensor's values int8 is to cover: four methods on the same statistics.

Statistics are a minimum, a maximum and a histogram of equal bins for each tensor, gathered image by image in two
passes, so that memory does not grow with the number of images. onnxruntime's calibrators keep all tensors of all
images and print on stdout; the ranges of `minmax` are the same as theirs
(tests/compress/quantize/test_ranges.py), its `entropy` has bins of equal width around 0 for both signs, which leaves
the short side of a SiLU's values hardly any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import onnx

from compress.quantize.arithmetic import HIGH, LOW, Activation, activation_of
from compress.quantize.float_run import FloatRun
from deploy.errors import DataError

BINS = 2048
PERCENTILE = 99.999
_SHARES = np.linspace(0.2, 1.0, 41)
_SHORT = 0.1
"""Of the longer side: a shorter one is a tail that ends by itself."""
_SYMMETRIC_LEVELS = 128


@dataclass
class Statistics:
    """Of one tensor over all images; `counts` has BINS bins from `low` to `high`, `peaks` each image's largest |x|."""

    low: float
    high: float
    counts: np.ndarray
    peaks: list[float] = field(default_factory=list)

    @property
    def centres(self) -> np.ndarray:
        """The middle of each bin, float64."""
        edges = np.linspace(self.low, self.high, len(self.counts) + 1)
        return (edges[:-1] + edges[1:]) / 2


def collect(
    model: onnx.ModelProto, tensors: Sequence[str], images: Sequence[np.ndarray], histograms: bool = True
) -> dict[str, Statistics]:
    """Statistics of the tensors; without `histograms` all counts stay 0, in half the time.

    Raises DataError, naming the tensor, for values that are no finite numbers."""
    run = FloatRun(model, tensors)
    found: dict[str, Statistics] = {}
    for values in run.over(images):
        for name, array in values.items():
            low, high = float(array.min()), float(array.max())
            if not (np.isfinite(low) and np.isfinite(high)):
                raise DataError(f"the tensor '{name}' has values that are no finite numbers on the calibration images")
            known = found.setdefault(name, Statistics(low, high, np.zeros(BINS, np.int64)))
            known.peaks.append(max(-low, high))
            known.low, known.high = min(known.low, low), max(known.high, high)
    for values in run.over(images if histograms else ()):
        for name, array in values.items():
            known = found[name]
            if known.high > known.low:
                known.counts += _histogram(array, known.low, known.high)
    return found


def _histogram(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """As np.histogram of BINS bins, in a fifth of the time; values between two bins may go to either."""
    places = (values.ravel() - np.float32(low)) * np.float32(BINS / (high - low))
    return np.bincount(np.minimum(places, BINS - 1).astype(np.int32), minlength=BINS)


def activations(
    statistics: Mapping[str, Statistics], method: str, symmetric: bool = False, percentile: float = PERCENTILE
) -> dict[str, Activation]:
    """How each tensor is quantised by one of RANGES; `symmetric`: with offset 0."""
    found = {}
    for name, known in statistics.items():
        low, high = chosen_range(known, method, percentile)
        if symmetric:
            largest = max(abs(low), abs(high))
            scale = np.float32(largest / HIGH) if largest > 0 else np.float32(1)
            found[name] = Activation(float(scale), 0)
        else:
            found[name] = activation_of(low, high)
    return found


def chosen_range(known: Statistics, method: str, percentile: float = PERCENTILE) -> tuple[float, float]:
    """The range that `method` keeps; 0 lies in it."""
    low, high = min(known.low, 0.0), max(known.high, 0.0)
    if method == "minmax" or known.high <= known.low:
        return low, high
    if method == "percentile":
        return _percentile(known, percentile)
    if method == "entropy":
        return _best(_thinned(known), _divergence)
    assert method == "mse", method
    return _best(known, _squared_error)


def _percentile(known: Statistics, percentile: float) -> tuple[float, float]:
    """All but the (100 - percentile) / 2 percent at either end."""
    shares = np.cumsum(known.counts) / known.counts.sum()
    edges = np.linspace(known.low, known.high, len(known.counts) + 1)
    outside = (100 - percentile) / 200
    low = edges[np.searchsorted(shares, outside)]
    high = edges[min(int(np.searchsorted(shares, 1 - outside)) + 1, len(edges) - 1)]
    return min(float(low), 0.0), max(float(high), 0.0)


def _thinned(known: Statistics) -> Statistics:
    """The same with no more values about 0 than just outside, where one side is short or there is none.

    The short side of a SiLU or a leaky ReLU, and what mirrors it, or the zeros of a ReLU are most values of a layer and
    decide nothing; with all of them the divergence gives up the few large values that a detector's findings are made
    of. NVIDIA's pytorch-quantization leaves the bin of 0 out for the same reason.
    """
    short, long = sorted((-known.low, known.high))
    if short >= _SHORT * long:
        return known
    near = np.abs(known.centres) <= max(short, (known.high - known.low) / len(known.counts))
    beyond = known.counts[~near]
    limit = beyond[0 if known.high == long else -1]
    return replace(known, counts=np.where(near, np.minimum(known.counts, limit), known.counts))


def _best(known: Statistics, cost: Callable[[Statistics, float, float], float]) -> tuple[float, float]:
    """The pair of shares of the lowest and highest value with the lowest cost, of the widest where they are equal."""
    low, high = min(known.low, 0.0), max(known.high, 0.0)
    lows = _SHARES if low < -_SHORT * high else np.ones(1)  # a SiLU's short tail is dense: nothing to gain there
    highs = _SHARES if high > -_SHORT * low else np.ones(1)
    found, best = (low, high), np.inf
    for a in lows[::-1]:
        for b in highs[::-1]:
            value = cost(known, low * a, high * b)
            if value < best:
                found, best = (low * a, high * b), value
    return found


def _squared_error(known: Statistics, low: float, high: float) -> float:
    """The sum of squared differences between values and what int8 makes of them."""
    activation = activation_of(low, high)
    centres = known.centres
    whole = np.clip(np.rint(centres / activation.scale) + activation.offset, LOW, HIGH)
    back = (whole - activation.offset) * activation.scale
    width = (known.high - known.low) / len(known.counts)
    return float((known.counts * ((centres - back) ** 2 + width**2 / 12)).sum())


def _divergence(known: Statistics, low: float, high: float) -> float:
    """Kullback-Leibler divergence of the histogram from itself after quantisation (Migacz, TensorRT, 2017).

    What lies outside the range is added to the bins at its ends, and counts against it.
    """
    centres, counts = known.centres, known.counts.astype(np.float64)
    inside = (centres >= low) & (centres <= high)
    if inside.sum() < _SYMMETRIC_LEVELS:
        return np.inf
    kept = counts[inside]
    reference = kept.copy()
    reference[0] += counts[centres < low].sum()
    reference[-1] += counts[centres > high].sum()
    groups = (np.arange(len(kept)) * _SYMMETRIC_LEVELS) // len(kept)
    filled = kept > 0
    sums = np.bincount(groups, kept, _SYMMETRIC_LEVELS)
    members = np.bincount(groups, filled, _SYMMETRIC_LEVELS)
    spread = np.where(filled, (sums / np.maximum(members, 1))[groups], 0.0)
    p, q = reference / reference.sum(), spread / max(spread.sum(), 1e-12)
    both = p > 0
    return float((p[both] * np.log(p[both] / np.maximum(q[both], 1e-12))).sum())
