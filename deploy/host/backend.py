"""What computes models: the ONNX file on this machine's CPU, or the OM on its chip by CANN's module `acl`.

As with numerics, a pipeline file cannot set this; the creator of a stream does, and models read it when opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ONNX, ACL, ACL_IF_BUILT = "onnx", "acl", "acl where there is an .om"
NAMES = (ONNX, ACL, ACL_IF_BUILT)

_current: ContextVar[str | None] = ContextVar("backend", default=None)
_default = ONNX


def set_default(backend: str) -> None:
    """What holds in this process where nobody says anything else; without it, ONNX."""
    global _default
    _default = backend


def current() -> str:
    """What holds for the stream that is being created."""
    return _current.get() or _default


@contextmanager
def applied(backend: str) -> Iterator[None]:
    """Streams that are created inside compute their models so."""
    token = _current.set(backend)
    try:
        yield
    finally:
        _current.reset(token)
