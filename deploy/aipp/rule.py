"""The AIPP rule that the host engine runs: an AIPP file, checked against the model's input.

Source: CANN's AIPP documentation. The order is channel swap, crop, colour conversion, mean and scale, padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from deploy.aipp.formats import CHANNELS, XRGB
from deploy.aipp.limits import RESERVED, SIDES, SIZE, START, Values, odd_yuv, violations
from deploy.aipp.matrices import Matrix, Row
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault


class Box(NamedTuple):
    """A part of an image, in pixels."""

    left: int
    top: int
    width: int
    height: int


class Padding(NamedTuple):
    """Rows and columns that are added around an image, in pixels."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


NO_PADDING = Padding()


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True)
class AippRule:
    """A static AIPP operator. Sizes are in pixels, channels in the order of the model's input.

    The source is `width` x `height` of `input_format`. `swap` exchanges U and V, or R and B; `alpha_first` moves the
    first of four channels to the end. `matrix` None: colours stay as they are. A channel becomes
    (value - means - mins) * scales; `padding` is then filled with `padding_value`.
    """

    input_format: str
    width: int
    height: int
    crop: Box | None = None
    swap: bool = False
    alpha_first: bool = False
    matrix: Matrix | None = None
    input_bias: Row = (0, 0, 0)
    output_bias: Row = (0, 0, 0)
    means: tuple[int, ...] = (0, 0, 0, 0)
    mins: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    scales: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    padding: Padding = NO_PADDING
    padding_value: float = 0.0


def aipp_rule(values: Values, net: tuple[int, int, int], name: str) -> AippRule:
    """The rule of parse_aipp's `values` for a model input of `net` (channels, height, width).

    Raises SdkFault 1004 for what AIPP or the model's size forbids, 1005 for what is legal and not run here: dynamic
    AIPP and the keys that CANN reserves. `name` begins the sentences.
    """
    try:
        _check_run_here(values)
        for violation in violations(values):
            raise SdkFault(INVALID_PARAM, violation.sentence)
        _check_channels(values, net[0])
        source, crop, padding = _geometry(values, Size(net[2], net[1]))
    except SdkFault as fault:
        raise SdkFault(fault.code, f"{name}: {fault.sentence}") from None
    return AippRule(
        input_format=str(values["input_format"]),
        width=source.width,
        height=source.height,
        crop=crop,
        swap=values["rbuv_swap_switch"] == "true",
        alpha_first=values["ax_swap_switch"] == "true",
        matrix=_matrix(values) if values["csc_switch"] == "true" else None,
        input_bias=_row(values, "input_bias_{}"),
        output_bias=_row(values, "output_bias_{}"),
        means=tuple(int(values[f"mean_chn_{i}"]) for i in range(4)),
        mins=tuple(float(values[f"min_chn_{i}"]) for i in range(4)),
        scales=tuple(float(values[f"var_reci_chn_{i}"]) for i in range(4)),
        padding=padding,
        padding_value=float(values["padding_value"]),
    )


def _check_run_here(values: Values) -> None:
    if values["aipp_mode"] == "dynamic":
        raise SdkFault(UNREALIZED, "aipp_mode is dynamic; the host engine takes aipp_mode: static")
    for key in RESERVED:
        if values[key] != "false":
            raise SdkFault(UNREALIZED, f"{key} is {values[key]}; CANN reserves it, and the host engine takes false")


def _check_channels(values: Values, channels: int) -> None:
    input_format = str(values["input_format"])
    taken = (3, 4) if input_format == XRGB else (CHANNELS[input_format],)
    if channels not in taken:
        raise _wrong(f"input_format {input_format} makes {taken[-1]} channel(s); the model takes {channels}")


def _geometry(values: Values, net: Size) -> tuple[Size, Box | None, Padding]:
    """The source's size, its crop and the padding around it, which make an image of the size `net`."""
    padding = Padding(*(int(values[f"{side}_padding_size"]) for side in SIDES))
    if values["padding"] != "true":
        padding = NO_PADDING
    inside = Size(net.width - padding.left - padding.right, net.height - padding.top - padding.bottom)
    given = Size(*(int(values[key]) for key in SIZE))
    source = given if given.width else net
    for key, side in zip(SIZE, source):  # a size that the model gives is held to the same rule
        for violation in odd_yuv(str(values["input_format"]), key, side):
            raise _wrong(violation.sentence)
    crop = _crop(values, source, inside) if values["crop"] == "true" else None
    reached = Size(crop.width, crop.height) if crop else source
    if reached != inside:
        what = "the cropped image" if crop else "src_image_size"
        room = f" less its padding, {inside}" if padding != NO_PADDING else ""
        raise _wrong(f"{what} is {reached}; the model takes {net}{room}")
    return source, crop, padding


def _crop(values: Values, source: Size, inside: Size) -> Box:
    left, top = (int(values[key]) for key in START)
    width, height = int(values["crop_size_w"]) or inside.width, int(values["crop_size_h"]) or inside.height
    if left + width > source.width or top + height > source.height:
        raise _wrong(f"the crop of {width} x {height} at ({left}, {top}) reaches beyond src_image_size, {source}")
    return Box(left, top, width, height)


def _matrix(values: Values) -> Matrix:
    return _row(values, "matrix_r0c{}"), _row(values, "matrix_r1c{}"), _row(values, "matrix_r2c{}")


def _row(values: Values, key: str) -> Row:
    first, second, third = (int(values[key.format(i)]) for i in range(3))
    return first, second, third


def _wrong(sentence: str) -> SdkFault:
    return SdkFault(INVALID_PARAM, sentence)
