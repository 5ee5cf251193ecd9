"""Small text files as people and other systems write them: UTF-8, with or without a byte order mark."""

from __future__ import annotations

from pathlib import Path

from compute_mAP.errors import DataError


def read_lines(path: Path, what: str) -> list[str]:
    """The lines of a UTF-8 text file without their line feed; a carriage return before it stays.

    `what` says in the error what the file is for. Raises DataError when it is missing, unreadable or not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{what} {path} does not exist") from None
    except OSError as fault:
        raise DataError(f"{what} {path} cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise DataError(f"{what} {path} is not UTF-8 text: found byte 0x{fault.object[fault.start]:02x}") from None
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines
