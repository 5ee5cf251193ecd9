"""mxpi_opencvosd: draws boxes, texts, circles and lines into pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from deploy.host.catalog import properties_of
from deploy.host.dvpp.colour import bgr_of_nv12, nv12_of_bgr
from deploy.host.dvpp.geometry import up
from deploy.host.frame import NV12, Frame, Picture, Pictures
from deploy.host.osd import draw
from deploy.host.plugins.base import OSD, PICTURE, Plugin
from deploy.sdk_codes import INVALID_PARAM, MEMORY_TYPE_MISMATCH, PROTOBUF_NAME_MISMATCH, SdkFault


class OpencvOsd(Plugin):
    """Pictures come in at port 0, a MxpiOsdInstancesList with an entry for each of them at port 1; without any, the
    pictures pass as they are.

    Faults: 1004 at creation without two inputs; 1004 for more entries than pictures and for what cannot be drawn,
    11002 for pictures of the opencv way, 11004 for metadata of another kind.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_opencvosd")
    produces = PICTURE

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        if len(self.inputs) != 2:
            raise self.fault(
                INVALID_PARAM,
                f"{len(self.inputs)} element(s) lead to it; it takes pictures at port 0 and what is drawn at port 1",
            )
        self._pictures = self.source(self.inputs[0], PICTURE, "dataSourceImage").name
        self._osd = self.source(self.inputs[1], OSD, "dataSourceOsd").name

    def process(self, frame: Frame) -> None:
        pictures, osd = frame.pictures(self._pictures), frame.metadata.get(self._osd)
        if osd is None:
            frame.metadata[self.name] = pictures
            return
        if getattr(getattr(osd, "DESCRIPTOR", None), "name", "") != "MxpiOsdInstancesList":
            raise self.fault(PROTOBUF_NAME_MISMATCH, f"the metadata of {self._osd} is no MxpiOsdInstancesList")
        entries = osd.osdInstancesVec
        if len(entries) > len(pictures):
            raise self.fault(
                INVALID_PARAM, f"{self._osd} has {len(entries)} entries for {len(pictures)} picture(s) of its source"
            )
        try:
            drawn = [_drawn(picture, entry) for picture, entry in zip(pictures, entries)]
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        frame.metadata[self.name] = Pictures([*drawn, *pictures[len(drawn) :]])


def _drawn(picture: Picture, entry: Any) -> Picture:
    if picture.host:
        raise SdkFault(MEMORY_TYPE_MISMATCH, "it draws into the chip's pictures: decode on the ascend way")
    if picture.format == NV12:
        pixels = bgr_of_nv12(picture.pixels)
        draw(pixels, entry)
        pixels = nv12_of_bgr(pixels)
    else:
        pixels = picture.pixels.copy()
        draw(pixels, entry)
    return replace(picture, pixels=pixels, width_aligned=up(picture.width, 16), height_aligned=up(picture.height, 2))
