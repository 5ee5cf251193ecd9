"""What MindX scripts import by this name: the SDK's Python module, on the host engine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.host import api
from deploy.host.exchange.structs import (
    InProtobufVector,
    MetadataInputVector,
    MetadataOutputVector,
    MxBufferAndMetadataOutput,
    MxBufferInput,
    MxBufferOutput,
    MxDataInput,
    MxDataOutput,
    MxMetadataInput,
    MxMetadataOutput,
    MxProtobufIn,
    MxProtobufOut,
    OutProtobufVector,
    RoiBox,
    RoiBoxVector,
    StringVector,
)
from deploy.sdk_codes import INVALID_FACTORY, error_info

__all__ = [
    "InProtobufVector",
    "MetadataInputVector",
    "MetadataOutputVector",
    "MxBufferAndMetadataOutput",
    "MxBufferInput",
    "MxBufferOutput",
    "MxDataInput",
    "MxDataOutput",
    "MxMetadataInput",
    "MxMetadataOutput",
    "MxProtobufIn",
    "MxProtobufOut",
    "OutProtobufVector",
    "RoiBox",
    "RoiBoxVector",
    "StreamManagerApi",
    "StringVector",
]

_OWN_PLUGIN = (
    "an app's own plugin is compiled for the board and cannot run on a host; leave it out and do its work in the "
    "script, on the metadata of the element before it (docs/scripts.md)"
)


class StreamManagerApi(api.StreamManagerApi):
    """The same, which says on stderr why a call fails, with the code and the element, as the SDK's log does.

    Scripts give a chip's time to GetResult; here the elements have as long as this machine needs.
    """

    _PATIENT = True

    def _failed(self, call: str, code: int, sentence: str) -> None:
        super()._failed(call, code, sentence)
        print(f"error: {call}: {sentence.strip()}{error_info(code).rstrip()}", file=sys.stderr, flush=True)
        if code == INVALID_FACTORY:
            print(f"note: {_OWN_PLUGIN}", file=sys.stderr, flush=True)

    def _nothing_found(self, call: str, keys: Sequence[str], metadata: Mapping[str, Any]) -> None:
        found = ", ".join(metadata) or "nothing"
        print(f"note: {call}: the buffer holds {found}, nothing of {', '.join(keys)}", file=sys.stderr, flush=True)
