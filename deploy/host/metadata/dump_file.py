"""A buffer with its metadata as JSON text, as mxpi_dumpdata writes and mxpi_loaddata reads it.

{"buffer":{"bufferData":BASE64},"metaData":[{"key":..,"content":..,"protoDataType":..},..]}: `content` is the JSON text
of a message, `protoDataType` its name without package. Source: Vision SDK's MxpiDumpData.proto, MxpiBufferDump.cpp.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from typing import Any

from deploy.host.metadata.frame import Frame
from deploy.host.metadata.message_json import dump, tree
from deploy.host.metadata.messages import PACKAGE, to_message, types
from deploy.host.metadata.sdk_metadata import FRAME_INFO
from deploy.host.metadata.values import Images
from deploy.sdk_codes import FAILURE, INVALID_PARAM, SdkFault

VISION_LIST = "ReservedVisionList"  # names the metadata that describe the buffer


def write(
    buffer: bytes, metadata: Mapping[str, Any], required: Collection[str], filtered: Collection[str], memory: bool
) -> str:
    """The text. With `required` only those keys, else all but the `filtered` ones.

    Without `memory` pixels and tensors are left out, and the SDK leaves the types out, too.
    """
    entries = []
    for key in sorted([*metadata, VISION_LIST]):
        if key not in required if required else key in filtered:
            continue
        if key == VISION_LIST:
            images = [name for name, value in metadata.items() if isinstance(value, Images)]
            entries.append({"key": key, "content": images[-1] if images else "appsrc", "protoDataType": ""})
            continue
        message = to_message(metadata[key])
        fields = tree(message, twice=False)
        if not memory:
            _without_memory(fields)
        name = message.DESCRIPTOR.name if memory else ""
        entries.append({"key": key, "content": dump(fields, by_name=False) if fields else "", "protoDataType": name})
    document = {"buffer": {"bufferData": base64.b64encode(buffer).decode()}, "metaData": entries}
    return dump(document, by_name=False)


def read(content: bytes) -> Frame:
    """The frame of a text. Raises SdkFault 1004 for a text of another form, 1001 for a content that is no such message.

    Entries without a type say nothing here and are skipped, as are types that the SDK does not have.
    """
    try:
        document = json.loads(content)
        buffer = base64.b64decode(document.get("buffer", {}).get("bufferData", ""), validate=True)
        entries = [
            (str(entry.get("key", "")), str(entry.get("content", "")), str(entry.get("protoDataType", "")))
            for entry in document.get("metaData", [])
        ]
    except (ValueError, AttributeError, TypeError, RecursionError, binascii.Error) as error:
        raise SdkFault(INVALID_PARAM, f"the buffer is not what mxpi_dumpdata writes: {error}") from None
    frame = Frame(buffer)
    for key, text, name in entries:
        if not key or not text or not name:
            continue
        message = _message(key, text, name)
        if key == FRAME_INFO and name == "MxpiFrameInfo":
            frame.channel_id, frame.frame_id, frame.is_eos = message.channelId, message.frameId, message.isEos
        elif message is not None:
            frame.metadata[key] = message
    return frame


def _message(key: str, text: str, name: str) -> Any:
    from google.protobuf import json_format

    kind: Any = getattr(types(), name, None)
    if not hasattr(kind, "DESCRIPTOR") or not hasattr(kind, "FromString"):
        return None
    try:
        return json_format.Parse(text, kind())
    except Exception as error:  # ParseError, and what malformed numbers raise beneath it
        raise SdkFault(FAILURE, f"the content of {key} is no {PACKAGE}{name}: {error}") from None


def _without_memory(fields: dict[str, Any]) -> None:
    for vision in fields.get("visionVec", []):
        if "visionData" in vision:
            vision["visionData"]["dataStr"] = ""
    for package in fields.get("tensorPackageVec", []):
        for tensor in package["tensorVec"]:
            tensor["dataStr"] = ""
