"""Which plugin runs which factory; what the SDK knows beyond these, the catalog says."""

from __future__ import annotations

from deploy.host.catalog import CATALOG
from deploy.host.pipeline.description import Element
from deploy.host.plugins.appsink import AppSink
from deploy.host.plugins.appsrc import AppSrc
from deploy.host.plugins.base import Plugin
from deploy.host.plugins.drawing.mxpi_object2osdinstances import Object2OsdInstances
from deploy.host.plugins.drawing.mxpi_opencvosd import OpencvOsd
from deploy.host.plugins.drawing.mxpi_osdinstancemerger import OsdInstanceMerger
from deploy.host.plugins.fakesink import FakeSink
from deploy.host.plugins.filesink import FileSink
from deploy.host.plugins.mxpi_classpostprocessor import ClassPostProcessor
from deploy.host.plugins.mxpi_dataserialize import DataSerialize
from deploy.host.plugins.mxpi_distributor import Distributor
from deploy.host.plugins.mxpi_dumpdata import DumpData
from deploy.host.plugins.mxpi_imagecrop import ImageCrop
from deploy.host.plugins.mxpi_imagedecoder import ImageDecoder
from deploy.host.plugins.mxpi_imageencoder import ImageEncoder
from deploy.host.plugins.mxpi_imagenormalize import ImageNormalize
from deploy.host.plugins.mxpi_imageresize import ImageResize
from deploy.host.plugins.mxpi_loaddata import LoadData
from deploy.host.plugins.mxpi_modelinfer import ModelInfer
from deploy.host.plugins.mxpi_objectpostprocessor import ObjectPostProcessor
from deploy.host.plugins.mxpi_opencvcentercrop import OpencvCenterCrop
from deploy.host.plugins.mxpi_semanticsegpostprocessor import SemanticSegPostProcessor
from deploy.host.plugins.mxpi_skipframe import SkipFrame
from deploy.host.plugins.mxpi_tensorinfer import TensorInfer
from deploy.host.plugins.mxpi_textgenerationpostprocessor import TextGenerationPostProcessor
from deploy.host.plugins.queue import Queue
from deploy.host.plugins.tee import Tee
from deploy.host.plugins.video.mxpi_rtspsrc import RtspSource
from deploy.host.plugins.video.mxpi_videodecoder import VideoDecoder
from deploy.sdk_codes import UNREALIZED, SdkFault

FACTORIES: dict[str, type[Plugin]] = {
    "appsrc": AppSrc,
    "mxpi_rtspsrc": RtspSource,
    "mxpi_imagedecoder": ImageDecoder,
    "mxpi_imageresize": ImageResize,
    "mxpi_imagecrop": ImageCrop,
    "mxpi_opencvcentercrop": OpencvCenterCrop,
    "mxpi_imagenormalize": ImageNormalize,
    "mxpi_tensorinfer": TensorInfer,
    "mxpi_modelinfer": ModelInfer,
    "mxpi_objectpostprocessor": ObjectPostProcessor,
    "mxpi_classpostprocessor": ClassPostProcessor,
    "mxpi_semanticsegpostprocessor": SemanticSegPostProcessor,
    "mxpi_textgenerationpostprocessor": TextGenerationPostProcessor,
    "mxpi_dataserialize": DataSerialize,
    "appsink": AppSink,
    "fakesink": FakeSink,
    "filesink": FileSink,
    "queue": Queue,
    "tee": Tee,
    "mxpi_distributor": Distributor,
    "mxpi_dumpdata": DumpData,
    "mxpi_loaddata": LoadData,
    "mxpi_object2osdinstances": Object2OsdInstances,
    "mxpi_osdinstancemerger": OsdInstanceMerger,
    "mxpi_opencvosd": OpencvOsd,
    "mxpi_imageencoder": ImageEncoder,
    "mxpi_videodecoder": VideoDecoder,
    "mxpi_skipframe": SkipFrame,
}


def plugin_for(element: Element) -> Plugin:
    """The plugin that runs an element. Raises SdkFault 1005 where only a board runs it, or what the plugin raises."""
    if element.factory not in FACTORIES:
        known = CATALOG.get(element.factory)
        why = f"runs on the board only: {known.board_only}" if known and known.board_only else "does not run on a host"
        raise SdkFault(UNREALIZED, f"{element.name}: {element.factory} {why}")
    return FACTORIES[element.factory](element)
