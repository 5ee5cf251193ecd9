"""How this interface fails: RuntimeError with the SDK's code, and with the sentence that the SDK leaves to its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.sdk_codes import SdkFault, error_info


def error(code: int, sentence: str) -> RuntimeError:
    return RuntimeError(f"{sentence}{error_info(code)}")


@contextmanager
def runtime_errors() -> Iterator[None]:
    """A SdkFault of the engine inside becomes such an error."""
    try:
        yield
    except SdkFault as fault:
        raise error(fault.code, fault.sentence) from None
