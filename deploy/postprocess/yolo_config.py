"""What a YOLO post-processor's config file says, checked as the SDK's Yolov3PostProcess does when it starts."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.object_config import class_count, cut_hint, separate_scores
from deploy.sdk_codes import INVALID_PARAM, OK, SdkFault

NHWC, NCHW, NCHWC = 0, 1, 2  # anchors and channels last, first, or anchors first and channels last
"""MODEL_TYPE: how the memory of a head is laid out."""

# (YOLO_VERSION, FRAMEWORK in lower case, MODEL_TYPE) that the SDK decodes
SDK_COMBINATIONS = {
    (3, "tensorflow", NHWC),
    (3, "caffe", NCHW),
    (4, "mindspore", NHWC),
    (4, "pytorch", NCHW),
    (5, "pytorch", NCHWC),
}


@dataclass(frozen=True)
class YoloConfig:
    """Settings of the decoder of YOLOv3, v4 and v5 (`version`).

    `biases` are anchor widths and heights in pixels of the network's input, w,h,w,h,... from the finest level to the
    coarsest: `levels * anchors_per_level * 2` numbers (what is missing loses levels, as in the SDK). Thresholds lie in
    0..1; `separate_scores` is empty or holds one threshold per class, used on top of `score_threshold`. `layout` is
    MODEL_TYPE.
    """

    class_num: int
    biases: tuple[float, ...]
    score_threshold: float = 0.0
    objectness_threshold: float = 0.3
    iou_threshold: float = 0.45
    separate_scores: tuple[float, ...] = ()
    levels: int = 3
    anchors_per_level: int = 3
    version: int = 5
    layout: int = NCHWC


def read_yolo_config(values: KeyValues) -> YoloConfig:
    """The config of the new framework's post-processor (mxpi_objectpostprocessor, libyolov3postprocess.so).

    Raises SdkFault with the SDK's code: 1016 where CLASS_NUM is missing, 1004 where lists have the wrong length or
    version, framework and layout do not go together.
    """
    name = values.name
    class_num = class_count(values)
    version, layout = _combination(values)
    _, score = values.number("SCORE_THRESH", 0.0, 0.0, 1.0)
    _, objectness = values.number("OBJECTNESS_THRESH", 0.3, 0.0, 1.0)
    _, iou = values.number("IOU_THRESH", 0.45, 0.0, 1.0)
    _, levels = values.integer("YOLO_TYPE", 3, 0, 16)
    _, anchors = values.integer("ANCHOR_DIM", 3, 0, 16)
    _, count = values.uint32("BIASES_NUM", 18, 0, 100)
    _, biases = values.numbers("BIASES")
    if len(biases) != count:
        raise SdkFault(
            INVALID_PARAM,
            f"{name}: BIASES_NUM says {count} numbers, BIASES has {len(biases)}{cut_hint(values, 'BIASES')}",
        )
    return YoloConfig(
        class_num,
        tuple(biases),
        score,
        objectness,
        iou,
        separate_scores(values, class_num),
        levels,
        anchors,
        version,
        layout,
    )


def _combination(values: KeyValues) -> tuple[int, int]:
    """Version and layout, where they go together with the framework."""
    _, version = values.integer("YOLO_VERSION", 3, 0, 16)
    code, layout = values.integer("MODEL_TYPE", NHWC)
    if code != OK and version == 5:
        layout = NCHWC
    code, framework = values.string("FRAMEWORK")
    if code != OK:
        framework = {4: "MindSpore", 5: "PyTorch"}.get(version, "TensorFlow")
        if (version, layout) == (3, NCHW):
            framework = "Caffe"
    if (version, framework.lower(), layout) not in SDK_COMBINATIONS:
        raise SdkFault(
            INVALID_PARAM,
            f"{values.name}: YOLO_VERSION={version} with FRAMEWORK={framework} and MODEL_TYPE={layout} is none that "
            "the SDK decodes; YOLOv5 is YOLO_VERSION=5, FRAMEWORK=PyTorch, MODEL_TYPE=2",
        )
    return version, layout
