"""Plugins that draw results into images (OSD)."""

from __future__ import annotations

from deploy.host.catalog.entry import colour, colours, flag, plugin, real, source, whole
from deploy.host.catalog.properties import SDK2, Property

_LINES = ("4", "8", "16")
_TEXT = {
    "fontFace": Property("0", choices=("0", "1", "2", "3", "4", "5", "6", "7", "16"), since=SDK2),
    "fontScale": real("1.0", 0, 100, since=SDK2),
    "fontThickness": whole(1, 1, 100, since=SDK2),
    "fontLineType": Property("8", choices=_LINES, since=SDK2),
}
_ONE_CHANNEL = "the host engine draws into the images of one channel"
_IDS = Property("0")

FACTORIES = (
    plugin(
        "mxpi_object2osdinstances",
        {
            "colorMap": colours(since=SDK2),
            "rectThickness": whole(2, 0, 100, since=SDK2),  # the documents say 1, the source 2
            "rectLineType": Property("8", choices=_LINES, since=SDK2),
            **_TEXT,
            "createText": flag(1),
        },
        since=SDK2,
    ),
    plugin(
        "mxpi_opencvosd",
        {"dataSourceImage": source(), "dataSourceOsd": source()},
        since=SDK2,
    ),
    plugin(
        "mxpi_class2osdinstances",
        {
            "dataSourceClass": source(),
            "dataSourceImage": source(),
            "topK": whole(1, 0, 100),
            "position": Property(
                "LEFT_TOP_IN",
                choices=("LEFT_TOP_OUT", "LEFT_TOP_IN", "LEFT_BOTTOM_IN", "RIGHT_TOP_IN", "RIGHT_BOTTOM_IN"),
            ),
            **_TEXT,
            "createRect": flag(1),
            "colorMap": colours(),
            "rectThickness": whole(1, -1, 100),
            "rectLineType": Property("8", choices=_LINES),
        },
        board_only="the host engine runs detectors",
    ),
    plugin("mxpi_osdinstancemerger", {"dataSourceList": source()}),
    plugin(
        "mxpi_channelimagesstitcher",
        {
            "channelIds": _IDS,
            "outputWidth": whole(1920, 32, 4096),
            "outputHeight": whole(1080, 32, 4096),
            "RGBValue": colour(),
        },
        board_only=_ONE_CHANNEL,
    ),
    plugin(
        "mxpi_channelosdcoordsconverter",
        {
            "dataSourceStitchInfo": source(),
            "dataSourceOsds": source(),
            "channelIds": _IDS,
            "enableFixedArea": flag(1),
        },
        board_only=_ONE_CHANNEL,
    ),
)
