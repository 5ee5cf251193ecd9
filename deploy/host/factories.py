"""Which plugin runs which factory, and the SDK's factories that only a board runs."""

from __future__ import annotations

from deploy.host.plugins.appsink import AppSink
from deploy.host.plugins.appsrc import AppSrc
from deploy.host.plugins.base import Plugin
from deploy.host.plugins.mxpi_dataserialize import DataSerialize
from deploy.host.plugins.mxpi_imagedecoder import ImageDecoder
from deploy.host.plugins.mxpi_imageresize import ImageResize
from deploy.host.plugins.mxpi_objectpostprocessor import ObjectPostProcessor
from deploy.host.plugins.mxpi_tensorinfer import TensorInfer

FACTORIES: dict[str, type[Plugin]] = {
    "appsrc": AppSrc,
    "mxpi_imagedecoder": ImageDecoder,
    "mxpi_imageresize": ImageResize,
    "mxpi_tensorinfer": TensorInfer,
    "mxpi_objectpostprocessor": ObjectPostProcessor,
    "mxpi_dataserialize": DataSerialize,
    "appsink": AppSink,
}

BOARD_ONLY = (
    "fakesink",
    "filesink",
    "queue",
    "tee",
    "mxpi_classpostprocessor",
    "mxpi_distributor",
    "mxpi_dumpdata",
    "mxpi_imagecrop",
    "mxpi_imageencoder",
    "mxpi_loaddata",
    "mxpi_modelinfer",
    "mxpi_motsimplesortV2",
    "mxpi_nmsoverlapedroiV2",
    "mxpi_object2osdinstances",
    "mxpi_opencvosd",
    "mxpi_roigenerator",
    "mxpi_rtspsrc",
    "mxpi_semanticsegpostprocessor",
    "mxpi_skipframe",
    "mxpi_videodecoder",
    "mxpi_videoencoder",
)
