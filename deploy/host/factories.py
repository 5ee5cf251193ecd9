"""Which plugin runs which factory; what the SDK knows beyond these, the catalog says."""

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
