"""The key=value files of the SDK's post-processors, read the way its ConfigUtil reads them.

The rules are the vendor's, oddities included, so that a file means on the laptop what it means on the board: the first
definition of a key wins, `#` starts a comment anywhere, only blanks (0x20) around key and value are trimmed, and typed
reads take what a C++ stream extraction would take (see `KeyValues`).
"""

from __future__ import annotations

import json
import math
import re
import struct
from pathlib import Path

from compute_mAP.regular_file import read_bounded
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, OPEN_FAIL, SdkFault

MAX_LINES = 100_000
MAX_LINE_LENGTH = 10_000  # a line must stay below
_C_SPACE = " \t\n\v\f\r"
_FLOAT = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE])([+-]?[0-9]*))?")
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)0*([0-9]+)")
_UINT32_MAX = 0xFFFFFFFF
_FLOAT32_MAX = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


def float32(value: float) -> float:
    """`value` rounded to the nearest float32, which is what the SDK stores. Raises OverflowError beyond float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class KeyValues:
    """Texts by key, and typed reads that answer (code, value) as the SDK's GetFileValue does.

    The code is 0, 1016 where the key is absent, or 1004 where the text cannot be read; in the two latter cases the
    value is the given default. A number is read up to the first character that does not belong to it ("0.25f" is 0.25,
    "0x10" is 0), a string up to the first blank or tab. `lines` has the line of each key, `repeated` the later
    definitions that lost: (key, line). Both are empty for a JSON content.
    """

    def __init__(self, texts: dict[str, str], name: str) -> None:
        self.texts = texts
        self.name = name
        self.lines: dict[str, int] = {}
        self.repeated: list[tuple[str, int]] = []

    @classmethod
    def from_file(cls, path: Path) -> KeyValues:
        """Raises SdkFault 1016 where there is no such file, 1019 where it cannot be read or as `from_text` does."""
        try:
            data = read_bounded(path)
        except FileNotFoundError:
            raise SdkFault(NO_EXIST, f"there is no post-process config file {path}") from None
        except OSError as error:
            raise SdkFault(OPEN_FAIL, f"cannot read the post-process config file {path}: {error.strerror}") from None
        return cls.from_text(data, str(path))

    @classmethod
    def from_text(cls, data: bytes, name: str) -> KeyValues:
        """Parse a file's bytes. Raises SdkFault 1019 for a line of 10,000 bytes or more and for more than 100,000."""
        values = cls({}, name)
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()  # what follows the final line end is no line
        for number, raw in enumerate(lines, 1):
            if len(raw) >= MAX_LINE_LENGTH or number > MAX_LINES:
                limit = f"has {len(raw)} bytes, the SDK reads fewer than {MAX_LINE_LENGTH}"
                if number > MAX_LINES:
                    limit = f"is one too many, the SDK reads {MAX_LINES} lines"
                raise SdkFault(OPEN_FAIL, f"{name}: line {number} {limit}")
            key, equals, value = raw.decode("utf-8", "surrogateescape").partition("#")[0].partition("=")
            if not equals:
                continue
            key = key.strip(" ")
            if key in values.texts:
                values.repeated.append((key, number))
            else:
                values.texts[key] = value.strip(" ")
                values.lines[key] = number
        return values

    @classmethod
    def from_json(cls, text: str, name: str) -> KeyValues:
        """Parse a `postProcessConfigContent` object: every value a string, the last duplicate wins, nothing trimmed.

        Raises SdkFault 1004 for anything else, and for a control character or two consecutive blanks in a key or value.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SdkFault(INVALID_PARAM, f"{name} is not JSON: {error}") from None
        if not isinstance(content, dict):
            raise SdkFault(INVALID_PARAM, f"{name} is not a JSON object")
        for key, value in content.items():
            if not isinstance(value, str):
                raise SdkFault(INVALID_PARAM, f"{name}: {key} is {json.dumps(value)}; write every value as a string")
            for part in (key, value):
                if "  " in part or any(ord(char) < 0x20 or ord(char) == 0x7F for char in part):
                    raise SdkFault(
                        INVALID_PARAM, f"{name}: {key!r} or its value has two blanks in a row or a control character"
                    )
        return cls(content, name)

    def string(self, key: str) -> tuple[int, str]:
        if key not in self.texts:
            return NO_EXIST, ""
        words = self.texts[key].strip(_C_SPACE)
        word = re.split(r"[ \t\n\v\f\r]", words, maxsplit=1)[0]
        return (OK, word) if word else (INVALID_PARAM, "")

    def number(
        self, key: str, default: float, minimum: float = -_FLOAT32_MAX, maximum: float = _FLOAT32_MAX
    ) -> tuple[int, float]:
        """A float32, clamped to [minimum, maximum]."""
        if key not in self.texts:
            return NO_EXIST, float32(default)
        value = _parse_float(self.texts[key])
        if value is None:
            return INVALID_PARAM, float32(default)
        return OK, float32(min(max(value, minimum), maximum))

    def integer(self, key: str, default: int, minimum: int = -(2**31), maximum: int = 2**31 - 1) -> tuple[int, int]:
        """A decimal int32, clamped; a text beyond int32 is unreadable."""
        return self._whole(key, default, minimum, maximum, signed=True)

    def uint32(self, key: str, default: int, minimum: int = 0, maximum: int = _UINT32_MAX) -> tuple[int, int]:
        """A decimal uint32, clamped; "-1" wraps around first, so it ends at the maximum."""
        return self._whole(key, default, minimum, maximum, signed=False)

    def _whole(self, key: str, default: int, minimum: int, maximum: int, signed: bool) -> tuple[int, int]:
        if key not in self.texts:
            return NO_EXIST, default
        match = _INTEGER.match(self.texts[key])
        if match is None:
            return INVALID_PARAM, default
        sign, digits = match.groups()
        if len(digits) > len(str(_UINT32_MAX)):
            return INVALID_PARAM, default
        value = -int(digits) if sign == "-" else int(digits)
        if signed:
            readable = -(2**31) <= value < 2**31
        else:
            readable = -_UINT32_MAX <= value <= _UINT32_MAX
            value %= 2**32
        return (OK, min(max(value, minimum), maximum)) if readable else (INVALID_PARAM, default)

    def boolean(self, key: str, default: bool) -> tuple[int, bool]:
        """`true` or `false` in any case, or a text that starts so; nothing else."""
        if key not in self.texts:
            return NO_EXIST, default
        text = self.texts[key].lstrip(_C_SPACE).lower()
        for word in ("true", "false"):
            if text.startswith(word):
                return OK, word == "true"
        return INVALID_PARAM, default

    def numbers(self, key: str) -> tuple[int, list[float]]:
        """Comma-separated float32 up to the first blank; empty items are skipped, one bad item empties the list."""
        code, word = self.string(key)
        values = []
        for item in word.split(","):
            if item:
                value = _parse_float(item)
                if value is None:
                    return INVALID_PARAM, []
                values.append(float32(value))
        return code, values


def _parse_float(text: str) -> float | None:
    """What `stream >> float` takes from the start of `text`; None where it fails (no digits, "1e", beyond float32)."""
    match = _FLOAT.match(text)
    if match is None or (match.group(2) and not match.group(3).lstrip("+-")):
        return None
    value = float(match.group(1) + (f"e{match.group(3)}" if match.group(2) else ""))
    try:
        return None if math.isinf(value) else float32(value)
    except OverflowError:
        return None
