"""What a script receives, from what reached an appsink."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from deploy.host.engine.job import METADATA_BYTES, Result
from deploy.host.exchange.structs import (
    MxBufferAndMetadataOutput,
    MxMetadataOutput,
    MxProtobufOut,
    OutProtobufVector,
)
from deploy.host.metadata import messages
from deploy.host.metadata.frame import SDK_INPUT
from deploy.host.metadata.sdk_metadata import FRAME_INFO
from deploy.sdk_codes import OK, OUT_OF_MEMORY, SdkFault


def protobufs(result: Result, keys: Iterable[str]) -> OutProtobufVector:
    """For GetProtobuf: an entry for each key that is there. Raises SdkFault 1006 for metadata that were dropped."""
    return OutProtobufVector(
        MxProtobufOut(result.code, key.encode(), message.SerializeToString()) for key, message in _found(result, keys)
    )


def buffer_and_metadata(result: Result, keys: Iterable[str]) -> MxBufferAndMetadataOutput:
    """For GetResult with keys. Raises as `protobufs`."""
    if result.code != OK:
        return MxBufferAndMetadataOutput(result.code, result.data)
    output = MxBufferAndMetadataOutput()
    output.bufferOutput.data = result.data
    for _, message in _found(result, keys):
        name = message.DESCRIPTOR.name.encode()
        output.metadataVec.append(MxMetadataOutput(OK, b"", name, message.SerializeToString()))
    return output


def _found(result: Result, keys: Iterable[str]) -> Iterator[tuple[str, Any]]:
    if result.metadata is None:
        raise SdkFault(
            OUT_OF_MEMORY,
            f"the metadata of this result were dropped: more than {METADATA_BYTES // 2**20} MiB waited to be fetched",
        )
    for key in keys:
        if key == FRAME_INFO:
            yield key, messages.frame_info(*result.frame)
        elif key in result.metadata and key != SDK_INPUT:
            yield key, messages.to_message(result.metadata[key])
