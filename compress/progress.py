"""The progress bar of all verbs: on stderr, gone when it is done."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(items: Iterable[Any] | None = None, **about: Any) -> tqdm[Any]:
    """tqdm's bar over `items`, or one with a `total` that the caller updates; `about` are tqdm's other arguments."""
    return tqdm(items, file=sys.stderr, leave=False, **about)
