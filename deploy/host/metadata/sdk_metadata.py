"""The metadata that the SDK itself gives every buffer that is sent."""

from __future__ import annotations

from typing import Any

from deploy.host.metadata.frame import SDK_INPUT, Frame

VISION, FRAME_INFO = "appsrc", "ReservedFrameInfo"
OF_THE_SDK = (VISION, FRAME_INFO)


def with_sdk_metadata(frame: Frame) -> dict[str, Any]:
    """A frame's metadata in the order in which they came, with those of the SDK at the start. Needs protobuf.

    What came with SendData as boxes is left out, as the SDK keeps it out of its graph.
    """
    from deploy.host.metadata.messages import bare_vision, frame_info

    metadata: dict[str, Any] = {}
    if frame.sent_as_data and VISION not in frame.metadata:
        metadata[VISION] = bare_vision()
    metadata[FRAME_INFO] = frame_info(frame.channel_id, frame.frame_id, frame.is_eos)
    metadata.update((key, value) for key, value in frame.metadata.items() if key != SDK_INPUT)
    return metadata
