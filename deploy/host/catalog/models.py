"""Plugins that run models and make sense of what the models say: both generations of the SDK's frameworks."""

from __future__ import annotations

from deploy.host.catalog.entry import Factory, flag, plugin, source, whole
from deploy.host.catalog.properties import SDK2, Property

_CONFIG = {
    "postProcessConfigPath": Property(since=SDK2),
    "postProcessConfigContent": Property(takes_object=True),
    "labelPath": Property(since=SDK2),
    "postProcessLibPath": Property(since=SDK2),
}
_BATCHES = {
    "modelPath": Property(required=True, since=SDK2),
    "dynamicStrategy": Property("Nearest", choices=("Nearest", "Upper", "Lower")),
    "waitingTime": whole(5000, 1, 1_000_000),
    "outputDeviceId": whole(-1, -1, 7),
}
_LANGUAGE = {
    "funcLanguage": Property("c++", choices=("c++", "python"), since=SDK2),
    "className": Property(),
    "pythonModule": Property(),
}
_OF_IMAGES = {
    "dataSourceResize": source(),
    "dataSourceRoiBoxes": source(),
    "dataSourceImage": source(),
}


def _post_processor(name: str, images: bool, board_only: str = "", since: str = "") -> Factory:
    properties = {**_CONFIG, **_LANGUAGE, **(_OF_IMAGES if images else {})}
    return plugin(name, properties, board_only=board_only, since=since)


_OTHER_RESULTS = "the host engine runs detectors"

FACTORIES = (
    plugin(
        "mxpi_tensorinfer",
        {**_BATCHES, "singleBatchInfer": flag(0), "outputHasBatchDim": flag(1), "skipModelCheck": flag(0)},
        since=SDK2,
    ),
    plugin(
        "mxpi_modelinfer",
        {
            **_BATCHES,
            **_CONFIG,
            "parentName": Property(since=SDK2),
            "tensorFormat": flag(0),
            "pictureCropName": Property(),
            "checkImageAlignInfo": Property("on", choices=("on", "off")),
        },
        since=SDK2,
    ),
    _post_processor("mxpi_objectpostprocessor", True, since=SDK2),
    _post_processor("mxpi_classpostprocessor", False),
    _post_processor("mxpi_semanticsegpostprocessor", True),
    _post_processor("mxpi_textgenerationpostprocessor", False),
    _post_processor("mxpi_textobjectpostprocessor", True, _OTHER_RESULTS),
    _post_processor("mxpi_keypointpostprocessor", True, _OTHER_RESULTS),
)
