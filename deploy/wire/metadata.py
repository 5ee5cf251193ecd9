"""The two messages that raw results consist of, read without the package protobuf: a board's Python may lack it.

Field numbers are those of the SDK's MxpiDataType.proto; what is not needed is skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from deploy.wire.protobuf import BYTES, FIXED32, Value, content_of, fields, varints_in

_TENSOR_LIST, _TENSORS = 1, 2  # MxpiTensorPackageList.tensorPackageVec, MxpiTensorPackage.tensorVec
_SHAPE, _DATA, _TYPE = 6, 7, 8  # MxpiTensor
_VISION_LIST, _VISION_INFO = 1, 2  # MxpiVisionList.visionVec, MxpiVision.visionInfo
_WIDTH, _HEIGHT, _RESIZE_TYPE, _RATIO = 2, 3, 6, 7  # MxpiVisionInfo


class Tensor(NamedTuple):
    """`kind` is the SDK's number of the element type: 0 float32, 1 float16, 4 uint8."""

    shape: tuple[int, ...]
    kind: int
    data: memoryview


class Vision(NamedTuple):
    """An image's real size in pixels, the number of its resize type, and keepAspectRatioScaling."""

    width: int
    height: int
    resize_type: int
    ratio: float


def read_tensors(message: bytes) -> list[list[Tensor]]:
    """The tensors of each image, of a MxpiTensorPackageList. Raises ValueError for what is none."""
    return [
        [_tensor(tensor) for tensor in _messages(package, _TENSORS)] for package in _messages(message, _TENSOR_LIST)
    ]


def read_visions(message: bytes) -> list[Vision]:
    """The images of a MxpiVisionList. Raises ValueError for what is none."""
    return [_vision(vision) for vision in _messages(message, _VISION_LIST)]


def _tensor(message: memoryview) -> Tensor:
    shape: list[int] = []
    kind, data = 0, memoryview(b"")
    for number, wire, value in fields(message):
        if number == _SHAPE:  # proto3 packs numbers; a reader takes both
            shape += varints_in(content_of(value)) if wire == BYTES else [_whole(value)]
        elif number == _DATA:
            data = memoryview(content_of(value))
        elif number == _TYPE:
            kind = _whole(value)
    return Tensor(tuple(shape), kind, data)


def _vision(message: memoryview) -> Vision:
    numbers: dict[int, int] = {}
    ratio = 0.0
    for info in _messages(message, _VISION_INFO):
        for number, wire, value in fields(info):
            if number == _RATIO and wire == FIXED32:
                (ratio,) = struct.unpack("<f", content_of(value))
            elif number in (_WIDTH, _HEIGHT, _RESIZE_TYPE):
                numbers[number] = _whole(value)
    return Vision(numbers.get(_WIDTH, 0), numbers.get(_HEIGHT, 0), numbers.get(_RESIZE_TYPE, 0), ratio)


def _messages(message: bytes | memoryview, wanted: int) -> Iterator[memoryview]:
    for number, _, value in fields(message):
        if number == wanted:
            yield memoryview(content_of(value))


def _whole(value: Value) -> int:
    if not isinstance(value, int):
        raise ValueError("a message stands where a number belongs")
    return value
