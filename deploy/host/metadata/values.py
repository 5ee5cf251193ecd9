"""The metadata values of a buffer, in place of the SDK's protobuf lists.

`Images` stands for MxpiVisionList, `TensorPackages` for MxpiTensorPackageList, `Objects` for MxpiObjectList, `Classes`
for MxpiClassList, `Texts` for MxpiTextsInfoList, `Masks` for MxpiImageMaskList; what no plugin of the host engine reads
stays the protobuf message itself. A value is never changed once it is in a frame: other branches and waiting results
share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

# The SDK's pixel formats (MxpiVisionInfo.format) that the host engine has.
NV12, RGB888, BGR888 = 1, 12, 13


class Header(NamedTuple):
    """MxpiMetaHeader: the element, and the index in its list, that something was made from; parentName is old."""

    data_source: str
    member_id: int = 0
    parent_name: str = ""


@dataclass(frozen=True, eq=False)
class Image:
    """A decoded, resized or cropped image.

    `pixels` by `format`: uint8 [height, width, 3] for RGB888 and BGR888, or float32 of that shape where an element says
    dataType float32; uint8 [height * 3 / 2, width] for NV12, with height and width rounded up to even: Y, below it U
    and V interleaved. `width` x `height` is the real size, `width_aligned` x `height_aligned` (0: the same) the size of
    the board's buffer; `pixels` never has that padding. `source_width` x `source_height` is the decoded image it came
    from; `resize_type` and `ratio` (keepAspectRatioScaling) say how, as in the SDK's MxpiVisionInfo. `host`: the opencv
    way made it; otherwise it lies in the chip's memory, as NV12 on the board whatever `format` is here.
    """

    pixels: np.ndarray
    width: int
    height: int
    source_width: int
    source_height: int
    resize_type: int = 0
    ratio: float = 0.0
    format: int = BGR888
    width_aligned: int = 0
    height_aligned: int = 0
    headers: tuple[Header, ...] = ()
    host: bool = False


class Images(list[Image]):
    """The images of a buffer: one from a decoder, as many as there are objects from a cropper."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """One entry's tensors, in the model's order, and its image (None where tensors went into the model).

    `shapes` are what the board calls them where that is not how the arrays are shaped; empty: the same.
    """

    outputs: list[np.ndarray]
    image: Image | None = None
    headers: tuple[Header, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def on_board(self) -> list[np.ndarray]:
        """The outputs in the board's shapes, which post-processors compare; as they are where values are left over."""
        if not self.shapes:
            return self.outputs
        return [
            output.reshape(shape) if output.size == prod(shape) else output
            for output, shape in zip(self.outputs, self.shapes)
        ]


class TensorPackages(list[Tensors]):
    """The tensors of a buffer: one package an image."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Detections: float32 [n, 6] = x0 y0 x1 y1 confidence class, and the class names.

    `data_source` is the element they came through, `members` the index of each one in that element's list, which for
    detections is the index of their image (int [n]; None where all came from entry 0).
    """

    detections: np.ndarray
    names: list[str]
    data_source: str
    members: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Classes:
    """Classes: ids int32 [n], their names, confidences float32 [n]; `members` (int [n]) is the entry of `data_source`
    that each belongs to."""

    ids: np.ndarray
    names: list[str]
    confidences: np.ndarray
    data_source: str
    members: np.ndarray


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts: a list of them for each entry of `data_source`."""

    texts: list[list[str]]
    data_source: str


@dataclass(frozen=True, eq=False)
class Masks:
    """The class of each pixel, int32 [height, width], for each entry of `data_source`, and the names of the classes."""

    masks: list[np.ndarray]
    names: list[str]
    data_source: str
