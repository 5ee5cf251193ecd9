"""What MindX scripts import by this name: the SDK's Python module, on the host engine."""

from deploy.host.api import StreamManagerApi
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
