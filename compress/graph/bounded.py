"""Runs a foreign graph with an end: so much memory at most, and so much time."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

MOST_SECONDS = 60.0
"""For one image; on a slow laptop a large detector takes a tenth of it."""
MOST_MEMORY = 12 * 2**30
"""Bytes beyond what the process has already."""
_SILENT = 4
"""What onnxruntime would log, the exception says too."""
_PAGES = Path("/proc/self/statm")


class Endless(Exception):
    """The graph was stopped after MOST_SECONDS."""


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Inside, more memory than MOST_MEMORY is refused, where the system can: the libraries then raise an error."""
    if resource is None or not _PAGES.exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(_PAGES.read_text().split()[0]) * resource.getpagesize()
    limits = [limit for limit in (*before, now + MOST_MEMORY) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def silence() -> Iterator[None]:
    """Inside, what libraries write to stderr past Python goes nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def bounded_run(
    session: onnxruntime.InferenceSession, names: Sequence[str] | None, inputs: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """The outputs `names`, or all. Raises Endless, else what onnxruntime raises, which has no common base."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = _SILENT

    def stop() -> None:
        options.terminate = True

    timer = threading.Timer(MOST_SECONDS, stop)
    timer.daemon = True
    timer.start()
    try:
        with bounded_memory():
            outputs: list[np.ndarray] = session.run(names, inputs, options)
    except Exception:
        if options.terminate:
            raise Endless(f"it did not end within {MOST_SECONDS:g} s") from None
        raise
    finally:
        timer.cancel()
    return outputs
