"""mxpi_opencvosd: draws boxes, texts, circles and lines into images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from deploy.host.catalog import properties_of
from deploy.host.dvpp.colour import bgr_of_nv12, nv12_of_bgr
from deploy.host.dvpp.geometry import up
from deploy.host.dvpp.osd import draw
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import NV12, Image, Images
from deploy.host.plugins.base import IMAGE, OSD, Plugin
from deploy.sdk_codes import INVALID_PARAM, MEMORY_TYPE_MISMATCH, PROTOBUF_NAME_MISMATCH, SdkFault


class OpencvOsd(Plugin):
    """Images come in at port 0, a MxpiOsdInstancesList with an entry for each of them at port 1; without any, the
    images pass as they are.

    Faults: 1004 at creation without two inputs; 1004 for more entries than images and for what cannot be drawn,
    11002 for images of the opencv way, 11004 for metadata of another kind.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_opencvosd")
    produces = IMAGE

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        if len(self.inputs) != 2:
            raise self.fault(
                INVALID_PARAM,
                f"{len(self.inputs)} element(s) lead to it; it takes images at port 0 and what is drawn at port 1",
            )
        self._images = self.source(self.inputs[0], IMAGE, "dataSourceImage").name
        self._osd = self.source(self.inputs[1], OSD, "dataSourceOsd").name

    def process(self, frame: Frame) -> None:
        images, osd = frame.images(self._images), frame.metadata.get(self._osd)
        if osd is None:
            frame.metadata[self.name] = images
            return
        if getattr(getattr(osd, "DESCRIPTOR", None), "name", "") != "MxpiOsdInstancesList":
            raise self.fault(PROTOBUF_NAME_MISMATCH, f"the metadata of {self._osd} is no MxpiOsdInstancesList")
        entries = osd.osdInstancesVec
        if len(entries) > len(images):
            raise self.fault(
                INVALID_PARAM, f"{self._osd} has {len(entries)} entries for {len(images)} image(s) of its source"
            )
        try:
            drawn = [_drawn(image, entry) for image, entry in zip(images, entries)]
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        frame.metadata[self.name] = Images([*drawn, *images[len(drawn) :]])


def _drawn(image: Image, entry: Any) -> Image:
    if image.host:
        raise SdkFault(MEMORY_TYPE_MISMATCH, "it draws into the chip's images: decode on the ascend way")
    if image.format == NV12:
        pixels = bgr_of_nv12(image.pixels)
        draw(pixels, entry)
        pixels = nv12_of_bgr(pixels)
    else:
        pixels = image.pixels.copy()
        draw(pixels, entry)
    return replace(image, pixels=pixels, width_aligned=up(image.width, 16), height_aligned=up(image.height, 2))
