"""mindx.sdk.base.Image: pixels with the size of the chip's buffer and the size that counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from deploy.host.metadata import values
from deploy.host.metadata.messages import aligned_bytes
from deploy.host.sdk.mindx.sdk.base.enums import image_format
from deploy.host.sdk.mindx.sdk.base.faults import error
from deploy.host.sdk.mindx.sdk.base.tensor import Tensor
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED

FORMATS = (image_format.nv12, image_format.rgb, image_format.bgr)


class Image:
    """Empty, or of an array uint8 [h, w, 3] (rgb, bgr) or [h * 3 / 2, w] (nv12), with (original, aligned) Sizes.

    `width` and `height` are those of the buffer, `original_width` and `original_height` those of the image. Raises
    RuntimeError 1005 for another format, 1004 for an array that does not fit.
    """

    def __init__(self, array: Any = None, kind: image_format = image_format.nv12, sizes: Any = None) -> None:
        self.device = -1
        self.format = kind
        self.pixels = values.Image(np.empty((0, 0, 3), np.uint8), 0, 0, 0, 0)
        if array is None:
            return
        check_format(kind)
        pixels = np.ascontiguousarray(array, np.uint8)
        if pixels.ndim == 4 and pixels.shape[0] == 1:
            pixels = pixels[0]
        rows = pixels.shape[0] if pixels.ndim else 0
        if kind is image_format.nv12:
            pixels = pixels.reshape(rows, -1) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
            fits, height = pixels.ndim == 2 and rows % 3 == 0, rows * 2 // 3
        else:
            fits, height = pixels.ndim == 3 and pixels.shape[2] == 3, rows
        if not fits:
            raise error(INVALID_PARAM, f"an array of {list(pixels.shape)} is no image of {kind.name}")
        width = pixels.shape[1]
        aligned = (0, 0) if sizes is None else (sizes[1].width, sizes[1].height)
        if sizes is not None and (sizes[0].width, sizes[0].height) != (width, height):
            raise error(INVALID_PARAM, f"the array is {width} x {height} px, not {sizes[0].width} x {sizes[0].height}")
        self.pixels = values.Image(
            pixels, width, height, width, height, 0, 0.0, kind.value, aligned[0], aligned[1],
            host=kind is not image_format.nv12,
        )  # fmt: skip

    @classmethod
    def of(cls, pixels: values.Image, device: int) -> Image:
        """An image of the engine, on a device."""
        made = cls(kind=image_format(pixels.format))
        made.pixels, made.device = pixels, device
        return made

    @property
    def width(self) -> int:
        return self.pixels.width_aligned or self.pixels.width

    @property
    def height(self) -> int:
        return self.pixels.height_aligned or self.pixels.height

    @property
    def original_width(self) -> int:
        return self.pixels.width

    @property
    def original_height(self) -> int:
        return self.pixels.height

    def to_device(self, device: int) -> None:
        self.device = device

    def to_host(self) -> None:
        self.device = -1

    def to_tensor(self) -> Tensor:
        """The buffer: uint8 [1, height, width, 3], or [1, height * 3 / 2, width, 1] of nv12."""
        return self._tensor(np.frombuffer(aligned_bytes(self.pixels), np.uint8), self.width, self.height)

    get_tensor = to_tensor

    def get_original_tensor(self) -> Tensor:
        """The same without the buffer's padding."""
        rows = self.pixels.pixels.shape[0]
        height = rows * 2 // 3 if self.format is image_format.nv12 else rows
        return self._tensor(self.pixels.pixels.reshape(-1), self.pixels.pixels.shape[1], height)

    def _tensor(self, data: np.ndarray, width: int, height: int) -> Tensor:
        shape = (1, height * 3 // 2, width, 1) if self.format is image_format.nv12 else (1, height, width, 3)
        made = Tensor(data.reshape(shape).copy())
        made.device = self.device
        return made


def tensor_to_image(tensor: Tensor, kind: image_format) -> Image:
    """The Image whose buffer a tensor is."""
    return Image(np.asarray(tensor), kind)


def check_format(kind: image_format) -> None:
    """Raises RuntimeError 1005 for a format that the host engine does not have."""
    if kind not in FORMATS:
        names = ", ".join(one.name for one in FORMATS)
        raise error(UNREALIZED, f"images of {getattr(kind, 'name', kind)} do not run on a host; there are {names}")
