"""A buffer in a stream, with the metadata that the elements add."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from deploy.host.metadata.values import Images, Objects, TensorPackages
from deploy.sdk_codes import METADATA_IS_NULL, PROTOBUF_NAME_MISMATCH, SdkFault

SDK_INPUT = "appInput"  # the metadata key of the boxes that came with SendData


Value = TypeVar("Value", Images, TensorPackages, Objects)


@dataclass(eq=False)
class Frame:
    """One buffer in one branch of a stream.

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
    decoded: Any = None  # uint8 [h, w, 3] BGR, an image that was pulled, in place of the bytes of a video

    def branch(self) -> Frame:
        """Another frame with the same contents, for another output port."""
        return replace(self, metadata=dict(self.metadata))

    def fail(self, fault: SdkFault) -> None:
        """From here on the frame carries a fault; the first one stays."""
        self.fault = self.fault or fault
        self.buffer = b""

    def images(self, key: str) -> Images:
        """What `key` added. Raises SdkFault 11003 where there is nothing, 11004 where it is something else."""
        return self._typed(key, Images)

    def tensors(self, key: str) -> TensorPackages:
        """As `images`."""
        return self._typed(key, TensorPackages)

    def objects(self, key: str) -> Objects:
        """As `images`."""
        return self._typed(key, Objects)

    def _typed(self, key: str, kind: type[Value]) -> Value:
        value = self.metadata.get(key)
        if isinstance(value, kind):
            return value
        if value is None:
            raise SdkFault(METADATA_IS_NULL, f"there is no metadata of {key} in the buffer")
        if hasattr(value, "DESCRIPTOR"):  # it was sent as a message
            from deploy.host.metadata.messages import from_message

            value = from_message(value)
            if isinstance(value, kind):
                return value
        raise SdkFault(PROTOBUF_NAME_MISMATCH, f"the metadata of {key} is {type(value).__name__}, not {kind.__name__}")
