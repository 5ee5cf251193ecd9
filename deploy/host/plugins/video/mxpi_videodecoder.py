"""mxpi_videodecoder: H.264 or H.265 to images, each a buffer of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import cv2
import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.dvpp.colour import video_nv12_of_bgr
from deploy.host.dvpp.geometry import ASCEND_310P, up
from deploy.host.dvpp.vdec import VideoStream, check_backend, check_size
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.sdk_metadata import VISION
from deploy.host.metadata.values import BGR888, NV12, Image, Images
from deploy.host.numerics import current
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import ANYTHING, IMAGE, Plugin
from deploy.sdk_codes import FAILURE, INVALID_VDEC_CHANNEL, UNREALIZED, SdkFault

_MOST_CHANNELS = 31  # on 310 and 310B; 255 on 310P
_STRIDE = (16, 2)


class VideoDecoder(Plugin):
    """A buffer is a file, a group of images, or one image of a byte stream; `VideoStream` says how these go together.
    One that mxpi_rtspsrc pulled brings its image decoded. What a buffer knew before ends here, as on the board: an
    image has the buffer's channelId, frames are counted from its frameId, and the last one has its isEos.

    `skipFrame` hands on those whose frameId is a multiple of skipFrame + 1; `vdecResizeWidth` and `vdecResizeHeight`
    scale on a 310P, as only there. `outMode`, `outPicWidthMax` and `outPicHeightMax` rule the chip's queues and memory,
    which a host does not have.

    Faults: 2022 at creation for a channel that the chip does not have, 1005 for other formats than NV12; 1001 for a
    buffer without data, 2009 for what does not decode, 1009 for a side outside 128..4096 px.
    """

    PROPERTIES: ClassVar = properties_of("mxpi_videodecoder")
    produces = IMAGE
    expands = True
    ordered = True

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        numerics = current()
        self._colour = numerics.colour
        if numerics.chip != ASCEND_310P and int(self.values["vdecChannelId"]) > _MOST_CHANNELS:
            raise self.fault(
                INVALID_VDEC_CHANNEL,
                f"vdecChannelId is {self.values['vdecChannelId']}; an Ascend {numerics.chip} has 0 to {_MOST_CHANNELS}",
            )
        made = self.values["outputImageFormat"]
        if made != "YUV420SP_NV12":
            raise self.fault(UNREALIZED, f"outputImageFormat {made} does not run on a host, only YUV420SP_NV12")
        try:
            check_backend()
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        self._every = int(self.values["skipFrame"]) + 1
        self._size = int(self.values["vdecResizeWidth"]), int(self.values["vdecResizeHeight"])
        if any(self._size) and (numerics.chip != ASCEND_310P or not all(self._size)):
            log.warning("%s: vdecResizeWidth and vdecResizeHeight work together, and on a 310P only", self.name)
            self._size = 0, 0
        self._video = VideoStream(self.values["inputVideoFormat"])
        self._warns = True

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        for plugin in upstream:
            if plugin.produces not in ("", ANYTHING):
                raise self.fault(UNREALIZED, "the host engine runs a video decoder behind appsrc or mxpi_rtspsrc only")

    def expand(self, frame: Frame) -> Iterator[Frame]:
        if frame.decoded is not None:
            yield from self._pulled(frame)
            return
        if not frame.buffer:
            raise self.fault(FAILURE, "the buffer is empty; send video with SendData, not with SendProtobuf")
        if self._warns and VISION not in frame.metadata:
            self._warns = False
            log.warning(
                "%s: a board decodes one image a buffer and asks for its width and height in mxpiVisionInfo",
                self.name,
            )
        waiting = None
        try:
            for number, pixels in enumerate(self._video.images(frame.buffer)):
                if waiting:
                    yield waiting
                    waiting = None
                if (frame.frame_id + number) % self._every == 0:
                    waiting = Frame(b"", {}, None, frame.channel_id, frame.frame_id + number, sent_as_data=False)
                    waiting.metadata[self.name] = Images([self._image(pixels)])
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        if waiting:
            waiting.is_eos = frame.is_eos
            yield waiting

    def _pulled(self, frame: Frame) -> Iterator[Frame]:
        """The image that a source before it has decoded."""
        try:
            check_size(frame.decoded.shape[1], frame.decoded.shape[0])
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        if frame.frame_id % self._every == 0:
            made = Frame(b"", {}, None, frame.channel_id, frame.frame_id, frame.is_eos, sent_as_data=False)
            made.metadata[self.name] = Images([self._image(frame.decoded)])
            yield made

    def _image(self, pixels: np.ndarray) -> Image:
        if all(self._size):
            pixels = cv2.resize(pixels, self._size)
        height, width = pixels.shape[:2]
        if self._colour:
            pixels = cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            pixels = video_nv12_of_bgr(pixels)  # as the video has them, luma in 16..235
        return Image(
            pixels,
            width,
            height,
            width,
            height,
            format=NV12 if self._colour else BGR888,
            width_aligned=up(width, _STRIDE[0]),
            height_aligned=up(height, _STRIDE[1]),
        )
