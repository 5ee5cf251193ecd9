"""What VPC takes, and the SDK's own words where it does not.

Source: MxpiImageResize.cpp, DvppWrapperBase.cpp and the DvppConfig checkers of Ascend 310 and 310P. All in pixels.
"""

from __future__ import annotations

from fractions import Fraction

from deploy.sdk_codes import (
    INVALID_IMAGE_HEIGHT,
    INVALID_IMAGE_WIDTH,
    INVALID_PARAM,
    INVALID_POINTER,
    RESIZE_FAIL,
    SdkFault,
    error_info,
)

OUTPUT_WIDTH, OUTPUT_HEIGHT = (32, 4096), (6, 4096)
_INPUT_WIDTH, _INPUT_HEIGHT = (18, 8192), (6, 8192)
_PASTE_WIDTH, _PASTE_HEIGHT = (10, 4096), (6, 4096)
_SCALE = (Fraction(1, 32), Fraction(16))


def check_net_size(width: int, height: int) -> None:
    """Raise SdkFault 2020 or 2021 for an output that VPC cannot write."""
    for side, value, (low, high), code in (
        ("width", width, OUTPUT_WIDTH, INVALID_IMAGE_WIDTH),
        ("height", height, OUTPUT_HEIGHT, INVALID_IMAGE_HEIGHT),
    ):
        if not low <= value <= high:
            raise SdkFault(
                code,
                f"Output {side}({value}) of the image is illegal, not in the range [{low},{high}], failed."
                + error_info(code).rstrip(),
            )


def check_resize(width: int, height: int, out_width: int, out_height: int) -> None:
    """The limits of one VPC resize: input, output and scale a side. Raises SdkFault 2002."""
    _check_side("Resize", "input height", height, _INPUT_HEIGHT)
    _check_side("Resize", "input width", width, _INPUT_WIDTH)
    _check_side("Resize", "resize height", out_height, OUTPUT_HEIGHT)
    _check_side("Resize", "resize width", out_width, OUTPUT_WIDTH)
    low, high = _SCALE
    for side, value, out in (("height", height, out_height), ("width", width, out_width)):
        if not low <= Fraction(out, value) <= high:
            raise _refused(f"Resize: Current resize {side} ratio is invalid. The resize {side} ratio", "0.03125, 16",
                           f"{out / value:g}")  # fmt: skip


def check_paste(width: int, height: int, out_width: int, out_height: int) -> None:
    """The limits of one crop-and-paste: the image it crops from and the area it fills. Raises SdkFault 2002."""
    _check_side("CropPaste", "input height", height, _INPUT_HEIGHT)
    _check_side("CropPaste", "input width", width, _INPUT_WIDTH)
    _check_side("CropPaste", "paste area height", out_height, _PASTE_HEIGHT)
    _check_side("CropPaste", "paste area width", out_width, _PASTE_WIDTH)


def check_fits(x0: int, y0: int, x1: int, y1: int, width: int, height: int) -> None:
    """Raise SdkFault 1003 for an area that reaches beyond a canvas of `width` x `height`."""
    if x1 > width or y1 > height:
        raise SdkFault(
            INVALID_POINTER,
            f"Error value x0 = [{x0}] and y0 = [{y0}] should be greater than or equal to '0', x1 = [{x1}] should be "
            f"less than or equal to [{width}], y1 = [{y1}] should be less than or equal to [{height}]."
            + error_info(INVALID_POINTER).rstrip(),
        )


def _check_side(what: str, name: str, value: int, limits: tuple[int, int]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise _refused(f"{what}: Current {name} is invalid. The {name}", f"{low}, {high}", str(value))


def _refused(beginning: str, limits: str, found: str) -> SdkFault:
    return SdkFault(
        RESIZE_FAIL,
        f"{beginning} should be in the range of [{limits}], but current value is {found}."
        + error_info(INVALID_PARAM).rstrip(),
    )
