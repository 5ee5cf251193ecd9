"""Reads tensors by name that no architecture comes with, running none of the file's code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from compress.nets.pickled.inert_pickle import read_inert
from deploy.errors import ModelError
from deploy.plain_name import plain_name

_INSIDE = ("model_ema", "state_dict", "model")
"""Under which key training programs keep it."""


def read_state_dict(path: str | Path) -> dict[str, torch.Tensor]:
    """The tensors of a `.safetensors` file, or of a PyTorch file (zip form) that holds a state_dict.

    Raises ModelError for a file that is missing, damaged or neither.
    """
    path = Path(path)
    content = _safetensors(path) if path.suffix == ".safetensors" else read_inert(path)
    for key in _INSIDE:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise ModelError(f"{path}: holds no state_dict, expected tensors by their names")
    other = next((key for key, value in content.items() if not isinstance(value, torch.Tensor)), None)
    if other is not None:
        raise ModelError(f"{path}: '{str(other)[:80]}' is no tensor, expected tensors by their names")
    return {str(key): value for key, value in content.items()}


def _safetensors(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    try:
        with plain_name(path) as name, safe_open(name, framework="pt") as stored:
            return {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: not a safetensors file, or a damaged one ({error})") from None
