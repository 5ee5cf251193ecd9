"""Plugins that make images or change them."""

from __future__ import annotations

from deploy.host.catalog.entry import colour, flag, plugin, real, source, whole
from deploy.host.catalog.properties import LATER, SDK2, Property
from deploy.postprocess.resize_types import RESIZE_TYPES
from deploy.sdk_codes import INVALID_FORMAT, INVALID_IMAGE_HEIGHT, INVALID_IMAGE_WIDTH

PROCESSORS = ("ascend", "opencv")
PADDING_TYPES = ("Padding_NO", "Padding_RightDown", "Padding_Around")

_HANDLE = {
    "cvProcessor": Property("ascend", choices=PROCESSORS, since=LATER),
    # The old name, which wins where it is set.
    "handleMethod": Property("", choices=("", *PROCESSORS), since=SDK2),
}
_RESIZE = {
    "parentName": Property(since=SDK2),
    "removeParentData": flag(0),
    "resizeHeight": whole(0, 0, 4096, code=INVALID_IMAGE_HEIGHT, since=SDK2),
    "resizeWidth": whole(0, 0, 4096, code=INVALID_IMAGE_WIDTH, since=SDK2),
    "minDimension": whole(224, 32, 8192),
    "maxDimension": whole(224, 32, 8192),
    "resizeType": Property("Resizer_Stretch", choices=RESIZE_TYPES, since=SDK2),
    "paddingType": Property("Padding_NO", choices=PADDING_TYPES, since=LATER),
    "RGBValue": colour(since=LATER),
    **_HANDLE,
}

FACTORIES = (
    plugin(
        "mxpi_imagedecoder",
        {
            "imageFormat": Property("jpg", choices=("jpg", "jpeg", "bmp"), code=INVALID_FORMAT),
            "cvProcessor": Property("ascend", choices=PROCESSORS, code=INVALID_FORMAT, since=LATER),
            "handleMethod": Property("", choices=("", *PROCESSORS), code=INVALID_FORMAT, since=SDK2),
            "outputDataFormat": Property("BGR", choices=("BGR", "RGB"), code=INVALID_FORMAT),
            "dataType": Property("uint8", choices=("uint8", "float32"), code=INVALID_FORMAT),
            "formatAdaptation": Property("off", choices=("on", "off"), code=INVALID_FORMAT),
        },
        since=SDK2,
    ),
    plugin(
        "mxpi_imageresize",
        {
            **_RESIZE,
            "interpolation": whole(0, 0, 4, since=LATER),
            "scaleValue": whole(32, 32, 8192),
            "paddingHeight": whole(32, 0, 8192),
            "paddingWidth": whole(32, 0, 8192),
            **{f"paddingColor{channel}": real("0", 0, 255) for channel in "RGB"},
        },
        since=SDK2,
    ),
    plugin(
        "mxpi_imagecrop",
        {
            **_RESIZE,
            "dataSourceImage": source(),
            "interpolation": whole(0, 0, 4, since=LATER),
            **{f"{side}ExpandRatio": real("0", 0, 1) for side in ("left", "right", "up", "down")},
            "autoDetectFrame": flag(1),
            **{f"cropPoint{name}": Property() for name in ("x0", "x1", "y0", "y1")},
            "cropType": Property("cropCoordinate"),
        },
    ),
    plugin("mxpi_imageencoder", {"encodeLevel": whole(100, 0, 100)}),
    plugin(
        "mxpi_imagenormalize",
        {
            "alpha": Property("0,0,0"),
            "beta": Property("1,1,1"),
            "format": Property("auto", choices=("auto", "RGB888", "BGR888")),
            "dataType": Property("auto", choices=("auto", "UINT8", "FLOAT32")),
            "processType": flag(1),
        },
    ),
    plugin("mxpi_opencvcentercrop", {"cropHeight": whole(0, 0, 819200), "cropWidth": whole(0, 0, 819200)}),
    plugin(
        "mxpi_warpperspective",
        {"debugMode": Property("false"), "oriImageDataSource": source()},
        board_only="it serves text recognition",
    ),
    plugin(
        "mxpi_rotation",
        {
            "dataSourceWarp": source(),
            "dataSourceClass": source(),
            "rotateCode": Property(
                "ROTATE_90_CLOCKWISE", choices=("ROTATE_90_CLOCKWISE", "ROTATE_180", "ROTATE_90_COUNTERCLOCKWISE")
            ),
            "rotCondition": Property("GE", choices=("GE", "GT", "LE", "LT")),
            "criticalValue": Property("0"),
        },
        board_only="it serves text recognition",
    ),
    plugin(
        "mxpi_facealignment",
        {
            "dataSourceImage": source(),
            "dataSourceKeyPoint": source(),
            "afterFaceAlignmentHeight": whole(112, 32, 8192),
            "afterFaceAlignmentWidth": whole(112, 32, 8192),
        },
        board_only="it serves face recognition",
    ),
)
