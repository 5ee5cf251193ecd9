"""Small text files as people and other systems write them: UTF-8, with or without a byte order mark."""

from __future__ import annotations

from pathlib import Path

from compute_mAP.errors import DataError
from compute_mAP.regular_file import MEGABYTE, read_regular

LONGEST = 1024 * MEGABYTE
"""Of any text; detections of a large set take some hundred megabytes."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path, what: str, most: int = LONGEST) -> str:
    """The text of a UTF-8 file without a byte order mark. `what` says in the error what the file is for.

    Raises DataError when it is missing, no regular file, longer than `most` bytes or not UTF-8.
    """
    content = read_regular(path, what, most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise DataError(f"{what} {path} is not UTF-8 text: {wrong_byte(content, fault.start)}") from None


def read_lines(path: Path, what: str, most: int = LONGEST) -> list[str]:
    """The lines of a UTF-8 text file without their line feed; a carriage return before it stays.

    Raises what `read_text` raises.
    """
    lines = read_text(path, what, most).split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def wrong_byte(content: bytes, place: int) -> str:
    """Which byte is wrong, and where: `found byte 0xb0 in line 2, byte 7 of that line`; lines and bytes from 1."""
    line_start = content.rfind(b"\n", 0, place) + 1
    line = content.count(b"\n", 0, place) + 1
    hint = "; the file begins as UTF-16 does, so save it as UTF-8" if content.startswith(_UTF16) else ""
    return f"found byte 0x{content[place]:02x} in line {line}, byte {place - line_start + 1} of that line{hint}"
