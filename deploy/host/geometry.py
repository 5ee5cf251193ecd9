"""Where the pixels of a picture end up on the network's input: the SDK's arithmetic for Ascend 310.

Source: MxpiImageResize.cpp and the VPC limits of Ascend 310 (DvppConfig). Pure integers, no pixels here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from deploy.sdk_codes import INVALID_IMAGE_HEIGHT, INVALID_IMAGE_WIDTH, RESIZE_FAIL, SdkFault

NET_WIDTH_RANGE = (32, 4096)
NET_HEIGHT_RANGE = (6, 4096)
_VPC_INPUT_WIDTH = (18, 8192)
_VPC_INPUT_HEIGHT = (6, 8192)
_VPC_SCALE = (Fraction(1, 32), Fraction(16))


@dataclass(frozen=True)
class Placement:
    """A resized picture on its canvas; all in pixels.

    The chip first resizes to `inter_width` x `inter_height` and pastes that at the top left as `width` x `height`,
    which is up to 2 px smaller. `ratio` is the exact scale by which boxes are mapped back (0 for a stretched picture).
    """

    inter_width: int
    inter_height: int
    width: int
    height: int
    ratio: float


def check_net_size(net_width: int, net_height: int) -> None:
    """Raise SdkFault 2020 or 2021 for a network input that VPC cannot write."""
    for side, value, (low, high), code in (
        ("width", net_width, NET_WIDTH_RANGE, INVALID_IMAGE_WIDTH),
        ("height", net_height, NET_HEIGHT_RANGE, INVALID_IMAGE_HEIGHT),
    ):
        if not low <= value <= high:
            raise SdkFault(code, f"the output {side} is {value} px; VPC writes {low} to {high} px")


def stretch(width: int, height: int, net_width: int, net_height: int) -> Placement:
    """Resizer_Stretch. Raises SdkFault 2002 where VPC cannot scale that far."""
    _check_vpc(width, height, net_width, net_height)
    return Placement(net_width, net_height, net_width, net_height, 0.0)


def fit(width: int, height: int, net_width: int, net_height: int) -> Placement:
    """Resizer_KeepAspectRatio_Fit with the picture at the top left. Raises SdkFault 2002 as `stretch`."""
    if net_height * width > height * net_width:
        inter_width, paste_width = net_width, net_width
        inter_height, paste_height = _round_half_up(height * net_width, width), height * net_width // width
        ratio = net_width / width
    else:
        inter_width, paste_width = _round_half_up(width * net_height, height), width * net_height // height
        inter_height, paste_height = net_height, net_height
        ratio = net_height / height
    inter_width, inter_height = _up_to_even(inter_width), _up_to_even(inter_height)
    _check_vpc(width, height, inter_width, inter_height)
    return Placement(inter_width, inter_height, _up_to_even(paste_width), _up_to_even(paste_height), ratio)


def _check_vpc(width: int, height: int, out_width: int, out_height: int) -> None:
    """The limits of one VPC resize: input, output and scale a side."""
    for side, value, (low, high), out, (out_low, out_high) in (
        ("width", width, _VPC_INPUT_WIDTH, out_width, NET_WIDTH_RANGE),
        ("height", height, _VPC_INPUT_HEIGHT, out_height, NET_HEIGHT_RANGE),
    ):
        if not low <= value <= high:
            raise SdkFault(RESIZE_FAIL, f"the picture's {side} is {value} px; VPC resizes {low} to {high} px")
        if not out_low <= out <= out_high:
            raise SdkFault(RESIZE_FAIL, f"the resized {side} is {out} px; VPC writes {out_low} to {out_high} px")
        if not _VPC_SCALE[0] <= Fraction(out, value) <= _VPC_SCALE[1]:
            raise SdkFault(
                RESIZE_FAIL, f"a {side} of {value} px cannot become {out} px; VPC scales a side by 1/32 to 16"
            )


def _round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _up_to_even(value: int) -> int:
    return value + value % 2
