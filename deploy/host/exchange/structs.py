"""The SDK's structures and vectors as its Python module presents them.

Texts and data are bytes there; these take str as well where a script sets them, and are bytes where it reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploy.sdk_codes import OK


class Vector(list):
    """std::vector as SWIG presents it: a list that also knows the names of C++."""

    def push_back(self, value: Any) -> None:
        self.append(value)

    def size(self) -> int:
        return len(self)

    def empty(self) -> bool:
        return not self

    def front(self) -> Any:
        return self[0]

    def back(self) -> Any:
        return self[-1]

    def pop_back(self) -> None:
        del self[-1]


class StringVector(Vector):
    """Of names or keys."""


class RoiBox:
    """A region of the image, in its pixels."""

    def __init__(self) -> None:
        self.x0 = self.y0 = self.x1 = self.y1 = 0.0


class RoiBoxVector(Vector):
    """Of RoiBox."""


class MxDataInput:
    """What SendData takes: `data` is an encoded image.

    `roiBoxs` reaches the elements under the metadata key "appInput". `fragmentId` and `customParam` are accepted
    and ignored: on a board they stay with the buffer, but no call returns them to Python.
    """

    def __init__(self) -> None:
        self.data: Any = b""
        self.fragmentId = 0
        self.customParam: Any = b""
        self.roiBoxs: Iterable[RoiBox] = RoiBoxVector()


class MxBufferInput:
    """A buffer with a serialized MxpiFrameInfo and MxpiVisionInfo (or none, where these are empty)."""

    def __init__(self) -> None:
        self.data: Any = b""
        self.mxpiFrameInfo: Any = b""
        self.mxpiVisionInfo: Any = b""


class MxProtobufIn:
    """A serialized message of `type`, like MxTools.MxpiVisionList, and the key that it gets in the metadata."""

    def __init__(self) -> None:
        self.key: Any = b""
        self.type: Any = b""
        self.protobuf: Any = b""


class InProtobufVector(Vector):
    """Of MxProtobufIn."""


class MxMetadataInput:
    """As MxProtobufIn, with other names."""

    def __init__(self) -> None:
        self.dataSource: Any = b""
        self.dataType: Any = b""
        self.serializedMetadata: Any = b""


class MetadataInputVector(Vector):
    """Of MxMetadataInput."""


class MxDataOutput:
    """What GetResult returns: `errorCode` 0 and the text, or another code and why."""

    def __init__(self, errorCode: int = OK, data: bytes = b"") -> None:
        self.errorCode = errorCode
        self.data = data


class MxProtobufOut:
    """What GetProtobuf returns for a key: `messageName` is that key, `messageBuf` the serialized message."""

    def __init__(self, errorCode: int = OK, messageName: bytes = b"", messageBuf: bytes = b"") -> None:
        self.errorCode = errorCode
        self.messageName = messageName
        self.messageBuf = messageBuf


class OutProtobufVector(Vector):
    """Of MxProtobufOut."""


class MxBufferOutput:
    """The buffer that reached an appsink."""

    def __init__(self, errorCode: int = OK, errorMsg: bytes = b"", data: bytes = b"") -> None:
        self.errorCode = errorCode
        self.errorMsg = errorMsg
        self.data = data


class MxMetadataOutput:
    """The metadata of one key: `dataType` is the message's name without package."""

    def __init__(
        self, errorCode: int = OK, errorMsg: bytes = b"", dataType: bytes = b"", serializedMetadata: bytes = b""
    ) -> None:
        self.errorCode = errorCode
        self.errorMsg = errorMsg
        self.dataType = dataType
        self.serializedMetadata = serializedMetadata


class MetadataOutputVector(Vector):
    """Of MxMetadataOutput."""


class MxBufferAndMetadataOutput:
    """What GetResult with keys returns; `errorCode` other than 0 leaves the rest empty."""

    def __init__(self, errorCode: int = OK, errorMsg: bytes = b"") -> None:
        self.errorCode = errorCode
        self.errorMsg = errorMsg
        self.bufferOutput = MxBufferOutput()
        self.metadataVec = MetadataOutputVector()
