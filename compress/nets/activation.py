"""The activation that an architecture names: text that ultralytics evaluates as Python, and that is matched here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from deploy.errors import ModelError

_FORM = re.compile(
    r"(torch\.)?nn\.(SiLU|ReLU|ReLU6|LeakyReLU|Hardswish|Mish|ELU|Identity)"
    r"\((?P<slope>[\d.]+)?((?(slope), ?|)inplace=(?P<inplace>True|False))?\)"
)


def check_activation(described: Mapping[str, Any], source: str) -> None:
    """Raise ModelError unless `activation` is missing, empty or one like 'nn.SiLU()' or 'nn.LeakyReLU(0.1)'."""
    text = described.get("activation")
    if text and not (isinstance(text, str) and _made(text)):
        raise ModelError(f"{source}: activation is {str(text)[:60]!r}, expected one like 'nn.SiLU()'")


def activation(described: Mapping[str, Any]) -> nn.Module | None:
    """A new module of the activation that a checked architecture names, None where it names none."""
    text = described.get("activation")
    return _made(text) if text else None


def _made(text: str) -> nn.Module | None:
    told = _FORM.fullmatch(text)
    if not told:
        return None
    slope, inplace = told["slope"], told["inplace"]
    try:
        values = [float(slope)] if slope else []
        return getattr(nn, told[2])(*values, **({"inplace": inplace == "True"} if inplace else {}))
    except (TypeError, ValueError):  # a number where the activation takes none
        return None
