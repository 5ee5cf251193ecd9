"""How large an architecture may be: one without end would take all memory before anything could refuse it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.errors import ModelError

_MOST_LAYERS = 500
_MOST_REPEATS = 100
_MOST_MULTIPLE = 8.0  # of depth and width; yolov8x has 1 and 1.25
_MOST_CHANNELS = 8192
_LARGEST_ARGUMENT = 64  # kernel, stride, padding, factor, repeats
_CHANNEL_ARGUMENTS = {
    "nn.ConvTranspose2d": 2, "RepNCSPELAN4": 3, "ELAN1": 3, "SPPELAN": 2, "HGStem": 2, "HGBlock": 2, "ResNetLayer": 2,
    "CBLinear": 64,
}  # fmt: skip
"""How many of a module's arguments count channels, where that is not the first alone."""


def check_limits(described: Mapping[str, Any], layers: Sequence[Sequence[Any]], source: str) -> None:
    """Raise ModelError where the rows (`[from, repeats, module, args]`) or the multiples are beyond any detector's."""
    if len(layers) > _MOST_LAYERS:
        raise ModelError(f"{source}: the architecture has {len(layers)} layers, expected at most {_MOST_LAYERS}")
    depth = 1.0
    for key, value in _multiples(described):
        if not _is_number(value) or not 0 < value <= _MOST_MULTIPLE:
            raise ModelError(
                f"{source}: {key} is {str(value)[:60]}, expected a number above 0, up to {_MOST_MULTIPLE:g}"
            )
        depth = float(value) if key.startswith("depth") else depth
    for number, (_, repeats, module, args) in enumerate(layers):
        if _is_number(repeats) and repeats * depth > _MOST_REPEATS:
            raise ModelError(
                f"{source}: layer {number} is repeated {str(repeats)[:60]} times, expected at most {_MOST_REPEATS}"
            )
        for place, value in enumerate(_numbers(args)):
            counts_channels = module == "Detect" or place < _CHANNEL_ARGUMENTS.get(str(module), 1)
            most = _MOST_CHANNELS if counts_channels else _LARGEST_ARGUMENT
            if abs(value) > most:
                raise ModelError(
                    f"{source}: layer {number} has the argument {str(value)[:60]}, expected at most {most}"
                )


def _multiples(described: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = [(key, described[key]) for key in ("depth_multiple", "width_multiple") if key in described]
    scales = described.get("scales")
    scale = scales.get(described.get("scale")) if isinstance(scales, dict) else None
    if scale is not None:
        row = scale if isinstance(scale, list) else [scale]
        found += list(zip(("depth of the scale", "width of the scale"), [*row, None, None], strict=False))
    return found


def _numbers(args: Any) -> list[float]:
    """All numbers of a layer's arguments, lists in them included."""
    if isinstance(args, list):
        return [value for entry in args for value in _numbers(entry)]
    return [args] if _is_number(args) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
