"""What an AIPP file asks for, checked: CANN's rules for static AIPP.

Source: CANN's AIPP documentation. The order is channel swap, crop, colour conversion, mean and scale, padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault

YUV420SP, XRGB, RGB, GREY = "YUV420SP_U8", "XRGB8888_U8", "RGB888_U8", "YUV400_U8"
CHANNELS = {YUV420SP: 3, XRGB: 4, RGB: 3, GREY: 1}
"""How many channels the model sees, by input format; of XRGB it may take the first three only."""
SIDES = ("left", "right", "top", "bottom")
_BYTE, _HALF = (0, 255), (-65504, 65504)
RANGES: dict[str, tuple[float, float]] = {
    "src_image_size_w": (0, 4096),
    "src_image_size_h": (0, 4096),
    "load_start_pos_w": (0, 4095),
    "load_start_pos_h": (0, 4095),
    "related_input_rank": (0, 2**31 - 1),
    "padding_value": _HALF,
    **{f"{side}_padding_size": (0, 32) for side in SIDES},
    **{f"matrix_r{row}c{column}": (-32768, 32767) for row in range(3) for column in range(3)},
    **{f"{name}_{i}": _BYTE for name in ("input_bias", "output_bias") for i in range(3)},
    **{f"mean_chn_{i}": _BYTE for i in range(4)},
    **{f"{name}_{i}": _HALF for name in ("min_chn", "var_reci_chn") for i in range(4)},
}
"""The least and the greatest number of a key. Padding is in what the model gets, so its value is any float16."""

Matrix = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
Values = Mapping[str, "str | float"]


class Box(NamedTuple):
    """A part of an image, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class AippRule:
    """A static AIPP operator. Sizes are in pixels, channels in the order of the model's input.

    The source is `width` x `height` of `input_format`. `swap` exchanges U and V, or R and B; `alpha_first` moves the
    first of four channels to the end. `matrix` None: colours stay as they are. A channel becomes
    (value - means - mins) * scales; `padding` (left, right, top, bottom) is then filled with `padding_value`.
    """

    input_format: str
    width: int
    height: int
    crop: Box | None = None
    swap: bool = False
    alpha_first: bool = False
    matrix: Matrix | None = None
    input_bias: tuple[int, int, int] = (0, 0, 0)
    output_bias: tuple[int, int, int] = (0, 0, 0)
    means: tuple[int, ...] = (0, 0, 0, 0)
    mins: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    scales: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    padding_value: float = 0.0


def aipp_rule(values: Values, net: tuple[int, int, int], name: str) -> AippRule:
    """The rule of parse_aipp's `values` for a model input of `net` (channels, height, width).

    Raises SdkFault 1004 for what AIPP or the model's size forbids, 1005 for what is legal and not run here: dynamic
    AIPP and the keys that CANN reserves. `name` begins the sentences.
    """
    channels, net_height, net_width = net
    if values["aipp_mode"] != "static":
        if values["aipp_mode"] == "dynamic":
            raise SdkFault(UNREALIZED, f"{name}: aipp_mode is dynamic; the host engine takes aipp_mode: static")
        raise _wrong(name, f"aipp_mode is {values['aipp_mode'] or 'not set'}; it is static or dynamic")
    for key in ("resize", "single_line_mode"):
        if values[key] != "false":
            raise SdkFault(UNREALIZED, f"{name}: {key} is {values[key]}; CANN reserves it, and the host takes false")
    input_format = str(values["input_format"])
    if input_format not in CHANNELS:
        raise _wrong(name, f"input_format is {input_format or 'not set'}; it is one of {', '.join(CHANNELS)}")
    for key, (low, high) in RANGES.items():
        if not low <= float(values[key]) <= high:
            raise _wrong(name, f"{key} is {values[key]}; it is {low} to {high}")
    crop_on, padding_on = values["crop"] == "true", values["padding"] == "true"
    padding = tuple(int(values[f"{side}_padding_size"]) for side in SIDES) if padding_on else (0, 0, 0, 0)
    inside = net_width - padding[0] - padding[1], net_height - padding[2] - padding[3]
    width, height = int(values["src_image_size_w"]), int(values["src_image_size_h"])
    if not (width and height):
        if crop_on or padding_on:
            raise _wrong(name, "src_image_size is not set; crop and padding need it")
        width, height = width or net_width, height or net_height
    crop = _crop(values, (width, height), inside, name) if crop_on else None
    reached = (crop.width, crop.height) if crop else (width, height)
    if reached != inside:
        what = "the cropped image" if crop else "src_image_size"
        room = f" less its padding, {inside[0]} x {inside[1]}" if padding_on else ""
        raise _wrong(
            name, f"{what} is {reached[0]} x {reached[1]}; the model takes {net_width} x {net_height}{room}"
        )  # fmt: skip
    if input_format == YUV420SP and (width % 2 or height % 2):
        raise _wrong(name, f"src_image_size is {width} x {height}; {YUV420SP} takes even sizes only")
    taken = (3, 4) if input_format == XRGB else (CHANNELS[input_format],)
    if channels not in taken:
        raise _wrong(name, f"input_format {input_format} makes {taken[-1]} channel(s); the model takes {channels}")
    return AippRule(
        input_format,
        width,
        height,
        crop,
        values["rbuv_swap_switch"] == "true",
        values["ax_swap_switch"] == "true",
        _matrix(values) if values["csc_switch"] == "true" else None,
        _three(values, "input_bias"),
        _three(values, "output_bias"),
        tuple(int(values[f"mean_chn_{i}"]) for i in range(4)),
        tuple(float(values[f"min_chn_{i}"]) for i in range(4)),
        tuple(float(values[f"var_reci_chn_{i}"]) for i in range(4)),
        (padding[0], padding[1], padding[2], padding[3]),
        float(values["padding_value"]),
    )


def _crop(values: Values, source: tuple[int, int], inside: tuple[int, int], name: str) -> Box:
    left, top = int(values["load_start_pos_w"]), int(values["load_start_pos_h"])
    width, height = int(values["crop_size_w"]) or inside[0], int(values["crop_size_h"]) or inside[1]
    if left + width > source[0] or top + height > source[1]:
        raise _wrong(
            name,
            f"the crop of {width} x {height} at ({left}, {top}) reaches beyond src_image_size, "
            f"{source[0]} x {source[1]}",
        )
    if values["input_format"] == YUV420SP and (left % 2 or top % 2):
        raise _wrong(name, f"load_start_pos is ({left}, {top}); {YUV420SP} takes even positions only")
    return Box(left, top, width, height)


def _matrix(values: Values) -> Matrix:
    rows = [tuple(int(values[f"matrix_r{row}c{column}"]) for column in range(3)) for row in range(3)]
    return rows[0], rows[1], rows[2]  # type: ignore[return-value]


def _three(values: Values, key: str) -> tuple[int, int, int]:
    return int(values[f"{key}_0"]), int(values[f"{key}_1"]), int(values[f"{key}_2"])


def _wrong(name: str, what: str) -> SdkFault:
    return SdkFault(INVALID_PARAM, f"{name}: {what}")
