"""The SDK's enumerations; their members are names of mindx.sdk.base too."""

from __future__ import annotations

from enum import Enum

import numpy as np


class dtype(Enum):
    """Types of tensor elements, with the numbers of aclDataType."""

    undefined = -1
    float32 = 0
    float16 = 1
    int8 = 2
    int32 = 3
    uint8 = 4
    int16 = 6
    uint16 = 7
    uint32 = 8
    int64 = 9
    uint64 = 10
    double = 11
    bool = 12

    @property
    def numpy(self) -> np.dtype:
        """The same in numpy. Raises TypeError for undefined."""
        return np.dtype("float64" if self is dtype.double else self.name)

    @staticmethod
    def of(kind: np.dtype) -> dtype:
        """The other way round; undefined for what the SDK does not have."""
        name = "double" if kind == np.float64 else str(kind)
        return dtype.__members__.get(name, dtype.undefined)

    def __str__(self) -> str:
        return f"dtype.{self.name}"


class image_format(Enum):
    """The pixel formats, with the numbers of MxBase."""

    yuv_400 = 0
    nv12 = 1
    nv21 = 2
    yuv_sp_422 = 3
    yvu_sp_422 = 4
    yuv_sp_444 = 5
    yvu_sp_444 = 6
    yuyv_packed_422 = 7
    uyvy_packed_422 = 8
    yvyu_packed_422 = 9
    vyuy_packed_422 = 10
    yuv_packed_444 = 11
    rgb = 12
    bgr = 13
    argb = 14
    abgr = 15
    rgba = 16
    bgra = 17


class interpolation(Enum):
    """Ways to scale, with the numbers of mxpi_imageresize."""

    huaweiu_high_order_filter = 0
    bilinear_similar_opencv = 1
    nearest_neighbor_opencv = 2
    bilinear_similar_tensorflow = 3
    nearestneighbor_tensorflow = 4


class borderType(Enum):
    """What an image is padded with, with the numbers of OpenCV."""

    border_constant = 0
    border_replicate = 1
    border_reflect = 2
    border_reflect_101 = 4


class ResizeType(Enum):
    """How an image became the network's input."""

    RESIZER_STRETCHING = 0
    RESIZER_TF_KEEP_ASPECT_RATIO = 1
    RESIZER_MS_KEEP_ASPECT_RATIO = 2


class visionDataFormat(Enum):
    """The order of a model's axes."""

    NCHW = 0
    NHWC = 1


class StreamFormat(Enum):
    """Codecs of video."""

    h265_main_level = 0
    h264_baseline_level = 1
    h264_main_level = 2
    h264_high_level = 3
