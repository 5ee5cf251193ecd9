"""mindx.sdk.base, the SDK's Python interface without streams, as far as public scripts use it.

What only a board has is there by name and says so when it is used. Sources: Vision SDK's Python interface reference
(docs/zh/api/python) and its tests of these classes (mxBase/test/gtest/PyAPITest).
"""

from __future__ import annotations

from deploy.host.sdk.mindx.sdk.base import log, post
from deploy.host.sdk.mindx.sdk.base.board_only import (
    AppGlobalCfgExtra,
    DeviceMemory,
    ModelLoadOptV2,
    VdecCallBacker,
    VencCallBacker,
    VideoDecodeConfig,
    VideoDecoder,
    VideoEncodeConfig,
    VideoEncoder,
)
from deploy.host.sdk.mindx.sdk.base.enums import (
    ResizeType,
    StreamFormat,
    borderType,
    dtype,
    image_format,
    interpolation,
    visionDataFormat,
)
from deploy.host.sdk.mindx.sdk.base.image import Image, tensor_to_image
from deploy.host.sdk.mindx.sdk.base.image_processor import ImageProcessor
from deploy.host.sdk.mindx.sdk.base.model import Model
from deploy.host.sdk.mindx.sdk.base.records import (
    AttributeInfo,
    ClassInfo,
    Color,
    Dim,
    KeyPointDetectionInfo,
    ObjectInfo,
    Point,
    Rect,
    ResizedImageInfo,
    SemanticSegInfo,
    Size,
    TextObjectInfo,
    TextsInfo,
    resize_info,
)
from deploy.host.sdk.mindx.sdk.base.tensor import Tensor, batch, batch_concat, transpose

BTensor = Tensor
image, model = Image, Model
for _kind in (dtype, image_format, interpolation, borderType, visionDataFormat, StreamFormat):
    globals().update(_kind.__members__)
resize_stretching = ResizeType.RESIZER_STRETCHING
resize_tf_keep_ratio = ResizeType.RESIZER_TF_KEEP_ASPECT_RATIO
resize_ms_keep_ratio = ResizeType.RESIZER_MS_KEEP_ASPECT_RATIO
del _kind


def mx_init(*_: object) -> None:
    """There is nothing to start."""


def mx_deinit() -> None:
    """There is nothing to stop."""


__all__ = [
    "AppGlobalCfgExtra",
    "AttributeInfo",
    "BTensor",
    "ClassInfo",
    "Color",
    "DeviceMemory",
    "Dim",
    "Image",
    "ImageProcessor",
    "KeyPointDetectionInfo",
    "Model",
    "ModelLoadOptV2",
    "ObjectInfo",
    "Point",
    "Rect",
    "ResizeType",
    "ResizedImageInfo",
    "SemanticSegInfo",
    "Size",
    "StreamFormat",
    "Tensor",
    "TextObjectInfo",
    "TextsInfo",
    "VdecCallBacker",
    "VencCallBacker",
    "VideoDecodeConfig",
    "VideoDecoder",
    "VideoEncodeConfig",
    "VideoEncoder",
    "batch",
    "batch_concat",
    "borderType",
    "dtype",
    "image",
    "image_format",
    "interpolation",
    "log",
    "model",
    "mx_deinit",
    "mx_init",
    "post",
    "resize_info",
    "resize_ms_keep_ratio",
    "resize_stretching",
    "resize_tf_keep_ratio",
    "tensor_to_image",
    "transpose",
    "visionDataFormat",
]
