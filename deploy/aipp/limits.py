"""What CANN allows in an AIPP file: ranges of numbers, keys that need each other.

Source: CANN's ATC user guide, AIPP configuration. The host engine stops at the first violation (`rule.py`), `deploy
check` lists all of them with their lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from deploy.aipp.formats import CHANNELS, YUV420SP

MODES = ("static", "dynamic")
RESERVED = ("resize", "single_line_mode", "support_rotation")
"""Switches that CANN reserves; they do nothing on Ascend 310."""
SIDES = ("left", "right", "top", "bottom")
SIZE = ("src_image_size_w", "src_image_size_h")
START = ("load_start_pos_w", "load_start_pos_h")
_BYTE, _HALF = (0, 255), (-65504, 65504)
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(SIZE, (0, 4096)),
    **dict.fromkeys(START, (0, 4095)),
    "related_input_rank": (0, 2**31 - 1),
    "padding_value": _HALF,
    **{f"{side}_padding_size": (0, 32) for side in SIDES},
    **{f"matrix_r{row}c{column}": (-32768, 32767) for row in range(3) for column in range(3)},
    **{f"{name}_{i}": _BYTE for name in ("input_bias", "output_bias") for i in range(3)},
    **{f"mean_chn_{i}": _BYTE for i in range(4)},
    **{f"{name}_{i}": _HALF for name in ("min_chn", "var_reci_chn") for i in range(4)},
}
"""The least and the greatest number of a key. Padding is in what the model gets, so its value is any float16."""

Values = Mapping[str, "str | float"]
"""The values of all AIPP keys, set or not, as deploy.aipp.read.parse_aipp gives them."""


class Violation(NamedTuple):
    """A key that ATC refuses, and why. A file may lack that key."""

    key: str
    sentence: str


def violations(values: Values, given: Collection[str] = ()) -> Iterator[Violation]:
    """Everything that ATC refuses in a file by itself, whatever the model.

    `given` are the keys that the file sets; without them, keys that exclude each other are not told apart from
    defaults.
    """
    yield from _mode_and_format(values)
    if "related_input_rank" in given and "related_input_name" in given:
        yield Violation("related_input_name", "related_input_name and related_input_rank exclude each other")
    for key, (low, high) in RANGES.items():
        if not low <= float(values[key]) <= high:
            yield Violation(key, f"{key} is {values[key]:g}; expected a number from {low} to {high}")
    if values["aipp_mode"] == "static":
        yield from _sizes(values)


def odd_yuv(input_format: str, key: str, number: float) -> Iterator[Violation]:
    """A violation where YUV420SP, which has one U and V for 2 x 2 pixels, has an odd size or position."""
    if input_format == YUV420SP and number % 2:
        yield Violation(key, f"{key} is {number:g}; expected an even number with {YUV420SP}")


def _mode_and_format(values: Values) -> Iterator[Violation]:
    mode, input_format = values["aipp_mode"], values["input_format"]
    if mode not in MODES:
        yield Violation("aipp_mode", f"aipp_mode {_found(mode)}; expected {' or '.join(MODES)}")
    if mode == "static" and input_format not in CHANNELS:
        yield Violation("input_format", f"input_format {_found(input_format)}; expected one of {', '.join(CHANNELS)}")
    if mode == "dynamic" and not values["max_src_image_size"]:
        yield Violation("max_src_image_size", "max_src_image_size is missing; a dynamic AIPP needs it")


def _sizes(values: Values) -> Iterator[Violation]:
    width, height = (float(values[key]) for key in SIZE)
    if bool(width) != bool(height):
        yield Violation(SIZE[0] if width else SIZE[1], f"{SIZE[0]} and {SIZE[1]} are set together or not at all")
    for switch in ("crop", "padding"):
        if values[switch] == "true" and not (width and height):
            yield Violation(switch, f"{switch} is true; it needs {SIZE[0]} and {SIZE[1]}")
    for key in (*SIZE, *START):
        yield from odd_yuv(str(values["input_format"]), key, float(values[key]))


def _found(value: str | float) -> str:
    return f"is {value}" if value else "is missing"
