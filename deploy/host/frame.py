"""What travels through a stream: a buffer, and what the elements found out about it.

Each metadata value stands for one of the SDK's protobuf lists: `Pictures` for MxpiVisionList, `TensorPackages` for
MxpiTensorPackageList, `Objects` for MxpiObjectList; what no plugin of the host engine looks into travels as the
protobuf message itself. A value is never changed once it is in a frame: other branches and waiting results share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from deploy.sdk_codes import METADATA_IS_NULL, PROTOBUF_NAME_MISMATCH, SdkFault

# The SDK's pixel formats (MxpiVisionInfo.format) that the host engine has.
NV12, RGB888, BGR888 = 1, 12, 13

SDK_INPUT = "appInput"  # the metadata key of the boxes that came with SendData


class Header(NamedTuple):
    """MxpiMetaHeader: the element, and the index in its list, that something was made from; parentName is old."""

    data_source: str
    member_id: int = 0
    parent_name: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded, resized or cropped picture.

    `pixels` by `format`: uint8 [height, width, 3] for RGB888 and BGR888, or float32 of that shape where an element says
    dataType float32; uint8 [height * 3 / 2, width] for NV12, with height and width rounded up to even: Y, below it U
    and V interleaved. `width` x `height` is the real size, `width_aligned` x `height_aligned` (0: the same) the size of
    the board's buffer; `pixels` never has that padding. `source_width` x `source_height` is the decoded picture it came
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


class Pictures(list[Picture]):
    """The pictures of a buffer: one from a decoder, as many as there are objects from a cropper."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """One picture's tensors, in the model's order, and that picture (None for tensors that were sent as such)."""

    outputs: list[np.ndarray]
    picture: Picture | None = None
    headers: tuple[Header, ...] = ()


class TensorPackages(list[Tensors]):
    """The tensors of a buffer: one package a picture."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Detections: float32 [n, 6] = x0 y0 x1 y1 confidence class, and the class names.

    `data_source` is the element they came through, `members` the index of each one in that element's list, which for
    detections is the index of their picture (int [n]; None where all came from entry 0).
    """

    detections: np.ndarray
    names: list[str]
    data_source: str
    members: np.ndarray | None = None


Value = TypeVar("Value", Pictures, TensorPackages, Objects)


@dataclass(eq=False)
class Frame:
    """One buffer on its way along one branch.

    `buffer` holds the bytes that an element receives from the one before (the file, later the text). `metadata` has
    what each element added, under the element's name, or what was sent, under the name it was sent with; SDK_INPUT
    holds the boxes of MxDataInput.roiBoxs. `fault` is what went wrong upstream: then the buffer is empty, and most
    elements only pass the frame on. The rest is MxpiFrameInfo.
    """

    buffer: bytes
    metadata: dict[str, Any] = field(default_factory=dict)
    fault: SdkFault | None = None
    channel_id: int = 0
    frame_id: int = 0
    is_eos: bool = False
    sent_as_data: bool = True  # rather than as metadata alone

    def branch(self) -> Frame:
        """Another frame with the same contents, for another output port."""
        return replace(self, metadata=dict(self.metadata))

    def fail(self, fault: SdkFault) -> None:
        """From here on the frame carries a fault; the first one stays."""
        self.fault = self.fault or fault
        self.buffer = b""

    def pictures(self, key: str) -> Pictures:
        """What `key` added. Raises SdkFault 11003 where there is nothing, 11004 where it is something else."""
        return self._typed(key, Pictures)

    def tensors(self, key: str) -> TensorPackages:
        """As `pictures`."""
        return self._typed(key, TensorPackages)

    def objects(self, key: str) -> Objects:
        """As `pictures`."""
        return self._typed(key, Objects)

    def _typed(self, key: str, kind: type[Value]) -> Value:
        value = self.metadata.get(key)
        if isinstance(value, kind):
            return value
        if value is None:
            raise SdkFault(METADATA_IS_NULL, f"there is no metadata of {key} in the buffer")
        if hasattr(value, "DESCRIPTOR"):  # it was sent as a message
            from deploy.host.messages import from_message

            value = from_message(value)
            if isinstance(value, kind):
                return value
        raise SdkFault(PROTOBUF_NAME_MISMATCH, f"the metadata of {key} is {type(value).__name__}, not {kind.__name__}")
