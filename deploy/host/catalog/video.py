"""Plugins for video."""

from __future__ import annotations

from deploy.host.catalog.entry import flag, plugin, real, source, whole
from deploy.host.catalog.properties import SDK2, Property
from deploy.sdk_codes import CHANGE_STATE_FAILED

_NV = ("YUV420SP_NV12", "YUV420SP_NV21")
CODECS = ("H264", "H265")
_TRACKING = {
    "trackThreshold": real("0.5", 0, 1),
    "lostThreshold": whole(5, 0, 10),
}
_NO_TRACKS = "the host engine does not follow objects from frame to frame"

FACTORIES = (
    plugin(
        "mxpi_rtspsrc",
        {
            "rtspUrl": Property(required=True, since=SDK2),
            "channelId": whole(0, 0, 2**31 - 1, since=SDK2),
            "timeout": whole(0, 0, 2**31 - 1),
            "fpsMode": flag(0),
            "tlsValidationFlags": whole(0, 0, 127),
            "tlsCertFilePathList": Property(),
            "async-handling": Property("false"),
            "message-forward": Property("false"),
        },
        since=SDK2,
    ),
    plugin(
        "mxpi_videodecoder",
        {
            "inputVideoFormat": Property("H264", since=SDK2),
            "outputImageFormat": Property(
                "YUV420SP_NV12", choices=(*_NV, "RGB_888", "BGR_888"), code=CHANGE_STATE_FAILED, since=SDK2
            ),
            "vdecChannelId": whole(0, 0, 255, since=SDK2),
            "outMode": flag(0),
            "outPicWidthMax": whole(0, 0, 4096),
            "outPicHeightMax": whole(0, 0, 4096),
            "skipFrame": whole(0, 0, 100),
            "vdecResizeWidth": whole(0, 0, 4096),
            "vdecResizeHeight": whole(0, 0, 4096),
        },
        since=SDK2,
    ),
    plugin(
        "mxpi_videoencoder",
        {
            "imageHeight": whole(1080, 128, 4096, since=SDK2),
            "imageWidth": whole(1920, 128, 4096, since=SDK2),
            "inputFormat": Property("YUV420SP_NV12", choices=_NV, code=CHANGE_STATE_FAILED, since=SDK2),
            "outputFormat": Property("H264", choices=CODECS, code=CHANGE_STATE_FAILED, since=SDK2),
            "iFrameInterval": whole(30, 1, 2000, since=SDK2),
            "fps": flag(0, since=SDK2),
            "vencChannelId": whole(0, 0, 127),
            "rcMode": Property("2", choices=("0", "1", "2")),
            "srcRate": whole(30, 1, 120),
            "maxBitRate": whole(300, 10, 30000),
            "ipProp": whole(70, 0, 100),
            "frameReleaseTimeOut": whole(5, 0, 10),
        },
        board_only="it needs the chip's video encoder",
        since=SDK2,
    ),
    plugin(
        "mxpi_motsimplesort",
        {"dataSourceDetection": Property(), "dataSourceFeature": Property(), **_TRACKING},
        board_only=_NO_TRACKS,
    ),
    plugin(
        "mxpi_motsimplesortV2",
        {"dataSourceDetection": source(), "dataSourceFeature": source(), **_TRACKING},
        board_only=_NO_TRACKS,
    ),
    plugin(
        "mxpi_qualitydetection",
        {"qualityDetectionConfigContent": Property(takes_object=True), "qualityDetectionConfigPath": Property()},
        board_only="the host engine does not judge video quality",
    ),
)
