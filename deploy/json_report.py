"""Reports as JSON that any reader takes: JSON has no NaN and no infinity, so such a number becomes null."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(report: Any, indent: int | None = None) -> str:
    """The text of a report of dicts, lists, texts and numbers, names as they are written."""
    return json.dumps(_finite(report), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return value
