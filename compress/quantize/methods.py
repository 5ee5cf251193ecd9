"""The names of the methods: those that choose ranges, those that learn to round from there on, and a preset."""

from __future__ import annotations

RANGES = ("minmax", "percentile", "entropy", "mse")
LEARNING = ("adaround", "lsq")
TRT = "trt"
"""TensorRT's way: symmetric activations, ranges by entropy."""
METHODS = (*RANGES, *LEARNING, TRT)
_BEGIN_WITH = {TRT: "entropy", **dict.fromkeys(LEARNING, "mse")}


def ranges_of(method: str) -> str:
    """The one of RANGES that a method begins with."""
    return _BEGIN_WITH.get(method, method)
