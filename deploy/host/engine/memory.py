"""Keeps freed memory in the process, so that image buffers are not requested from the kernel again each time.

glibc gives every freed block above 128 KiB back to the kernel, and a decoded image is larger: its pages are then
mapped, zeroed and faulted in again for each image, which costs more than half of what decoding costs.
"""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h
_KEPT_BLOCK, _KEPT_TOP = 32 << 20, 256 << 20  # bytes; the first is the largest that glibc takes


def keep_freed_memory() -> None:
    """Serve blocks up to 32 MiB from the heap, and trim the heap's end only beyond 256 MiB. Elsewhere: nothing."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return
    mallopt(_MMAP_THRESHOLD, _KEPT_BLOCK)
    mallopt(_TRIM_THRESHOLD, _KEPT_TOP)
