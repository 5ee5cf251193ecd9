"""What a script sends, as a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from deploy.host.exchange.structs import MxBufferInput, MxDataInput, MxMetadataInput, MxProtobufIn
from deploy.host.exchange.text import as_bytes, as_text
from deploy.host.metadata import messages
from deploy.host.metadata.frame import SDK_INPUT, Frame
from deploy.host.metadata.sdk_metadata import VISION
from deploy.host.metadata.values import Objects
from deploy.sdk_codes import FAILURE, INVALID_PARAM, SdkFault

RESERVED = ("ReserveMetadataGraph", "ReservedVisionList", "ErrorInfo")


def data(entry: MxDataInput) -> Frame:
    """An MxDataInput. Its boxes become objects without a class under the key "appInput"."""
    frame = Frame(as_bytes(entry.data))
    boxes = [[box.x0, box.y0, box.x1, box.y1, 0, 0] for box in getattr(entry, "roiBoxs", ())]
    if boxes:
        frame.metadata[SDK_INPUT] = Objects(np.array(boxes, np.float32), [""] * len(boxes), "")
    return frame


def buffer(metadata: Iterable[MxMetadataInput], entry: MxBufferInput) -> Frame:
    """A MetadataInputVector with an MxBufferInput. A vision info makes the data an image, under the key "appsrc"."""
    frame = Frame(as_bytes(entry.data))
    if entry.mxpiFrameInfo:
        info = messages.parse("MxTools.MxpiFrameInfo", as_bytes(entry.mxpiFrameInfo))
        frame.channel_id, frame.frame_id, frame.is_eos = info.channelId, info.frameId, info.isEos
    if entry.mxpiVisionInfo:
        vision_list = messages.types().MxpiVisionList()
        vision = vision_list.visionVec.add()
        vision.visionInfo.CopyFrom(messages.parse("MxTools.MxpiVisionInfo", as_bytes(entry.mxpiVisionInfo)))
        vision.visionData.dataStr = frame.buffer
        vision.visionData.dataSize = len(frame.buffer)
        frame.metadata[VISION] = vision_list
    for item in metadata:
        _add(frame, item.dataSource, item.dataType, item.serializedMetadata)
    return frame


def protobufs(entries: Iterable[MxProtobufIn]) -> Frame:
    """An InProtobufVector: no buffer."""
    frame = Frame(b"", sent_as_data=False)
    for item in entries:
        _add(frame, item.key, item.type, item.protobuf)
    return frame


def _add(frame: Frame, key: Any, type_name: Any, content: Any) -> None:
    key, type_name = as_text(key), as_text(type_name)
    if not key or key in RESERVED:
        raise SdkFault(INVALID_PARAM, f'metadata cannot be sent with the key "{key}"')
    message = messages.parse(type_name, as_bytes(content))
    if type_name == "MxTools.MxpiVisionList":
        if not message.visionVec:
            raise SdkFault(FAILURE, f"the MxpiVisionList of {key} has no image")
        for vision in message.visionVec:
            vision.visionData.dataSize = len(vision.visionData.dataStr)
            vision.visionData.memType = messages.types().MXPI_MEMORY_HOST_MALLOC
    elif type_name == "MxTools.MxpiTensorPackageList":
        tensors = [tensor for package in message.tensorPackageVec for tensor in package.tensorVec]
        if not tensors:
            raise SdkFault(FAILURE, f"the MxpiTensorPackageList of {key} has no tensor")
        for tensor in tensors:
            tensor.tensorDataSize = len(tensor.dataStr)
            tensor.memType = messages.types().MXPI_MEMORY_HOST_MALLOC
    frame.metadata[key] = message
