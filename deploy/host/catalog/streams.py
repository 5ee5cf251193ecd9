"""Plugins that steer data through a stream, turn results into text, or save and load them."""

from __future__ import annotations

from deploy.host.catalog.entry import flag, plugin, real, source, whole
from deploy.host.catalog.properties import LATER, SDK2, Property

_ONE_STREAM = "the host engine carries the images of one channel"

FACTORIES = (
    plugin(
        "mxpi_dataserialize",
        {"outputDataKeys": Property(since=SDK2), "eraseHeaderVecFlag": flag(1, since=LATER)},
        since=SDK2,
    ),
    plugin(
        "mxpi_dumpdata",
        {
            "location": Property(),
            "requiredMetaDataKeys": Property(),
            "filterMetaDataKeys": Property(),
            "dumpMemoryData": Property("true", choices=("true", "false")),
        },
    ),
    plugin("mxpi_loaddata"),
    plugin(
        "mxpi_distributor",
        {
            "classIds": Property(),
            "channelIds": Property(),
            "distributeAll": Property("no", choices=("no", "yes")),
        },
    ),
    plugin("mxpi_parallel2serial", {"removeParentData": flag(0)}, board_only=_ONE_STREAM),
    plugin("mxpi_synchronize", {"config": Property()}, board_only=_ONE_STREAM),
    plugin(
        "mxpi_datatransfer",
        {
            "transferMode": Property("auto", choices=("auto", "d2h", "h2d")),
            "removeSourceData": Property("yes", choices=("yes", "no")),
            "removeParentData": flag(0),
        },
        board_only="a host has no device memory to copy from or to",
    ),
    plugin("mxpi_skipframe", {"frameNum": whole(0, 0, 100)}),
    plugin(
        "mxpi_objectselector",
        {"FirstDetectionFilter": Property(required=True, takes_object=True)},
        board_only="it serves cascades of models",
    ),
    plugin(
        "mxpi_roigenerator",
        {
            "splitType": Property("Size_Block"),
            "blockHeight": whole(512, 32, 8192),
            "blockWidth": whole(512, 32, 8192),
            "chessboardHeight": whole(1, 1, 256),
            "chessboardWidth": whole(1, 1, 256),
            "overlapHeight": whole(0, 0, 8192),
            "overlapWidth": whole(0, 0, 8192),
            "cropRoi": Property(),
            "mergeRoi": Property(),
        },
        board_only="the host engine does not cut images into tiles",
    ),
    plugin(
        "mxpi_nmsoverlapedroiV2",
        {"dataSourceDetection": source(), "dataSourceBlock": source(), "nmsThreshold": real("0.45", 0, 1)},
        board_only="the host engine does not cut images into tiles",
    ),
    plugin(
        "mxpi_semanticsegstitcher",
        {f"dataSource{name}": source() for name in ("SemanticSeg", "CropRoi", "MergeRoi")},
        board_only="the host engine does not cut images into tiles",
    ),
    plugin(
        "mxpi_channelselector",
        {"channelIds": Property("0")},
        board_only=_ONE_STREAM,
    ),
    plugin(
        "mxpi_bufferstablizer",
        {"tolerance": whole(10000, 1, 2**31 - 1), "frequency": whole(100, 1, 2**31 - 1), "allowDelay": flag(0)},
        board_only=_ONE_STREAM,
    ),
)
