"""ATC's AIPP configuration (the aipp.cfg beside a model): what the chip does to pixels before the first layer.

Grammar and defaults: CANN's AIPP documentation. The file is protobuf text, `aipp_op { key : value ... }`, where `#`
starts a comment and a key may come once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from compute_mAP.regular_file import read_bounded
from deploy.aipp.limits import SIDES
from deploy.aipp.matrices import ATC_DEFAULT, VIDEO_RANGE_BIAS
from deploy.sdk_codes import INVALID_PARAM, OPEN_FAIL, UNREALIZED, SdkFault
from deploy.wording import did_you_mean

MAX_BYTES = 1 << 20
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\f\v,;]+)|(?P<line>\n)|(?P<comment>#[^\n]*)|(?P<text>\"[^\"\n]*\"|[\w.+-]+|[{}:])"
)
DEFAULTS: dict[str, str | float] = {
    "aipp_mode": "",
    "related_input_rank": 0,
    "related_input_name": "",
    "input_format": "",
    "src_image_size_w": 0,
    "src_image_size_h": 0,
    "max_src_image_size": 0,
    "crop": "false",
    "load_start_pos_w": 0,
    "load_start_pos_h": 0,
    "crop_size_w": 0,
    "crop_size_h": 0,
    "resize": "false",
    "support_rotation": "false",
    "cpadding_value": 0.0,
    "input_edge_idx": 0,
    "resize_output_w": 0,
    "resize_output_h": 0,
    "padding": "false",
    **{f"{side}_padding_size": 0 for side in SIDES},
    "padding_value": 0.0,
    "csc_switch": "false",
    "rbuv_swap_switch": "false",
    "ax_swap_switch": "false",
    "single_line_mode": "false",
    **{f"matrix_r{row}c{column}": ATC_DEFAULT[row][column] for row in range(3) for column in range(3)},
    **{f"input_bias_{i}": VIDEO_RANGE_BIAS[i] for i in range(3)},
    **{f"output_bias_{i}": VIDEO_RANGE_BIAS[i] for i in range(3)},
    **{f"mean_chn_{i}": 0 for i in range(4)},
    **{f"min_chn_{i}": 0.0 for i in range(4)},
    **{f"var_reci_chn_{i}": 1.0 for i in range(4)},
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_aipp(path: Path) -> dict[str, str | float]:
    """Read an AIPP file; see `parse_aipp`. Raises SdkFault 1019 where it cannot be read."""
    try:
        data = read_bounded(path, MAX_BYTES)
    except OSError as error:
        raise SdkFault(OPEN_FAIL, f"cannot read the AIPP file {path}: {error.strerror}") from None
    return parse_aipp(data.replace(b"\r\n", b"\n"), str(path))


def parse_aipp(text: str | bytes, name: str, lines: dict[str, int] | None = None) -> dict[str, str | float]:
    """All AIPP keys with their values or ATC's defaults; switches are "true" or "false".

    Comments may hold any bytes: people write them in other encodings than UTF-8, and ATC does not look at them.
    Where `lines` is given, it gets the line of each key that the file sets.

    Raises SdkFault 1004 with the line for anything that is not the grammar, 1005 for more than one aipp_op.
    """
    tokens = _tokens(text if isinstance(text, str) else text.decode("utf-8", "surrogateescape"), name)
    line, word = next(tokens)
    if word != "aipp_op":
        raise _wrong(name, line, f"expected aipp_op, found {_shown(word)}")
    _expect(tokens, name, "{")
    values = dict(DEFAULTS)
    seen: dict[str, int] = {} if lines is None else lines
    for line, key in tokens:
        if key == "}":
            break
        if key not in DEFAULTS:
            raise _wrong(name, line, f"AIPP has no key {_shown(key)}{did_you_mean(key, DEFAULTS)}")
        if key in seen:
            raise _wrong(name, line, f"{key} was already set in line {seen[key]}")
        seen[key] = line
        _expect(tokens, name, ":")
        line, word = next(tokens)
        values[key] = _value(name, line, key, word)
    line, word = next(tokens)
    if word == "aipp_op":
        raise SdkFault(UNREALIZED, f"{name}: line {line}: the host engine takes one aipp_op, for one image input")
    if word:
        raise _wrong(name, line, f"expected the end of the file, found {_shown(word)}")
    return values


def _tokens(text: str, name: str) -> Iterator[tuple[int, str]]:
    """(line, word) of the file, then (last line, "") for ever."""
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _wrong(name, line, f"unexpected character {_shown(text[position])}")
        position = match.end()
        if match.lastgroup == "line":
            line += 1
        elif match.lastgroup == "text":
            yield line, match.group()
    while True:
        yield line, ""


def _expect(tokens: Iterator[tuple[int, str]], name: str, mark: str) -> None:
    line, word = next(tokens)
    if word != mark:
        raise _wrong(name, line, f'expected "{mark}", found {_shown(word)}')


def _value(name: str, line: int, key: str, word: str) -> str | float:
    default = DEFAULTS[key]
    if isinstance(default, str):
        word = word.strip('"')
        if default == "false" and word not in ("true", "false"):
            raise _wrong(name, line, f"{key} is {_shown(word)}; it is true or false")
        if not word or word in "{}:":
            raise _wrong(name, line, f"{key} has no value")
        return word
    kind, pattern = ("a whole number", _WHOLE) if isinstance(default, int) else ("a number", _NUMBER)
    if not pattern.fullmatch(word):
        raise _wrong(name, line, f"{key} is {_shown(word)}; it is {kind}")
    return int(word) if isinstance(default, int) else float(word)


def _shown(word: str) -> str:
    return repr(word) if word else "the end of the file"


def _wrong(name: str, line: int, what: str) -> SdkFault:
    return SdkFault(INVALID_PARAM, f"{name}: line {line}: {what}")
