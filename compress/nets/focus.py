"""YOLOv5 v5.0 begins with Focus, which moves four neighbouring pixels into the channels. Together with the convolution
behind it that is a convolution of stride 2 with a kernel of twice the size: the very layer that v6.0 begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from deploy.errors import ModelError

# Focus stacks the pixels (row, column) of each 2x2 square in this order
_PIXELS = ((0, 0), (1, 0), (0, 1), (1, 1))


def without_focus(arch: dict[str, Any]) -> dict[str, Any]:
    """The architecture with every Focus row replaced by the equal convolution. Raises ModelError for unknown forms."""
    return {**arch, **{part: [_row(row) for row in arch[part]] for part in ("backbone", "head") if _rows(arch, part)}}


def focus_layers(arch: Mapping[str, Any]) -> list[int]:
    """Numbers of the layers that are a Focus."""
    rows = [row for part in ("backbone", "head") if _rows(arch, part) for row in arch[part]]
    return [number for number, row in enumerate(rows) if _is_focus(row)]


def without_focus_tensors(tensors: Mapping[str, torch.Tensor], layers: list[int]) -> dict[str, torch.Tensor]:
    """The tensors under the names of the replaced layers: `model.0.conv.conv.weight` becomes `model.0.conv.weight`."""
    replaced = dict(tensors)
    for number in layers:
        prefix = f"model.{number}.conv."
        for key in [key for key in tensors if key.startswith(prefix)]:
            value = replaced.pop(key)
            rest = key.removeprefix(prefix)
            replaced[f"model.{number}.{rest}"] = wide_kernel(value) if rest == "conv.weight" else value
    return replaced


def wide_kernel(weight: torch.Tensor) -> torch.Tensor:
    """The weight [out, 4 * in, k, k] of the convolution behind a Focus as [out, in, 2k, 2k] with stride 2."""
    out, stacked, height, width = weight.shape
    wide = weight.new_zeros(out, stacked // 4, 2 * height, 2 * width)
    for part, (row, column) in zip(weight.chunk(4, 1), _PIXELS, strict=True):
        wide[:, :, row::2, column::2] = part
    return wide


def _rows(arch: Mapping[str, Any], part: str) -> bool:
    return isinstance(arch.get(part), list)


def _is_focus(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 4 and row[2] == "Focus"


def _row(row: Any) -> Any:
    if not _is_focus(row):
        return row
    source, repeats, _, args = row
    if repeats != 1 or not 1 <= len(args) <= 2 or not all(isinstance(a, int) and a > 0 for a in args):
        raise ModelError(f"the layer {row} is no Focus of YOLOv5 v5.0, expected the arguments [channels, kernel]")
    kernel = args[1] if len(args) > 1 else 1
    return [source, 1, "Conv", [args[0], 2 * kernel, 2, 2 * (kernel // 2)]]
