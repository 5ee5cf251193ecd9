"""The SDK's package: `mindx.sdk.base`, whose names are found here too, and the message classes."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """base and its names, imported when a script asks for them: streams alone do without."""
    if name.startswith("__"):
        raise AttributeError(name)
    base = importlib.import_module(f"{__name__}.base")
    return base if name == "base" else getattr(base, name)
