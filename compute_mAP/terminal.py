"""What commands print, made fit for any terminal: nothing in it can steer one, and a sign that it lacks ends nothing.

A class name, a path or an ONNX node is whatever somebody wrote into a file. Signs that a terminal obeys, and those that
the stream's encoding does not have, are shown as \\uXXXX, which is what JSON has for them too.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_HANDLER = "ascend-yolo-slim.escape"
# Controls of both sets, marks that turn the direction of writing, separators of lines, halves of pairs; a line feed, a
# tab and the carriage returns around a progress line are our own.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text with each sign that steers a terminal as \\uXXXX."""
    if text.isascii() and text.isprintable():
        return text
    inner = text.strip("\r")
    if not inner:
        return text
    begin = text.index(inner[0])
    return text[:begin] + _STEERING.sub(_as_code, inner) + text[begin + len(inner) :]


@contextmanager
def plain_output() -> Iterator[None]:
    """While it lasts, stdout and stderr show `escaped` text, in any encoding."""
    before = sys.stdout, sys.stderr
    made = sys.stdout, sys.stderr = _plain(sys.stdout), _plain(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in made:
            if stream not in before:
                with suppress(OSError, ValueError):  # who reads it has gone
                    stream.flush()
                with suppress(OSError, ValueError):
                    stream.detach()  # else its end would close what others still write to


def flush_stdout() -> None:
    """Raises the OSError of a stdout that takes nothing, while there is somebody to handle it."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up_stdout() -> None:
    """Where stdout takes nothing, let nothing more reach it: Python would complain once more when it flushes at its
    end. Inside `plain_output`."""
    with suppress(OSError):
        flush_stdout()
    if not getattr(sys.stdout, "broken", False):
        return
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


class _Plain(io.TextIOWrapper):
    """Its OSErrors name it, as those of files do."""

    broken = False

    def write(self, text: str) -> int:
        with self._named():
            return super().write(escaped(text))

    def flush(self) -> None:
        with self._named():
            super().flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            self.broken = True
            fault.filename = fault.filename or self.name.strip("<>")
            raise


def _plain(stream: Any) -> Any:
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream, _Plain):
        return stream
    with suppress(OSError, ValueError):
        stream.flush()
    return _Plain(
        stream.buffer,
        encoding=stream.encoding,
        errors=_HANDLER,
        line_buffering=stream.line_buffering,
        write_through=getattr(stream, "write_through", False),
    )


def _as_code(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def _escape(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    units = fault.object[fault.start : fault.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)), fault.end


codecs.register_error(_HANDLER, _escape)
