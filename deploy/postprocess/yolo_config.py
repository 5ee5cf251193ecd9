"""What a YOLO post-processor's config file says, checked as the SDK's Yolov3PostProcess does when it starts."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.postprocess.config import KeyValues
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, UNREALIZED, SdkFault

NHWC, NCHW, NCHWC = 0, 1, 2  # MODEL_TYPE
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
    """Settings of the YOLOv5 decoder.

    `biases` are anchor widths and heights in pixels of the network's input, w,h,w,h,... from the finest level to the
    coarsest: `levels * anchors_per_level * 2` numbers. Thresholds lie in 0..1; `separate_scores` is empty or holds one
    threshold per class, used on top of `score_threshold`.
    """

    class_num: int
    biases: tuple[float, ...]
    score_threshold: float = 0.0
    objectness_threshold: float = 0.3
    iou_threshold: float = 0.45
    separate_scores: tuple[float, ...] = ()
    levels: int = 3
    anchors_per_level: int = 3


def read_yolo_config(values: KeyValues) -> YoloConfig:
    """The config of the new framework's post-processor (mxpi_objectpostprocessor, libyolov3postprocess.so).

    Raises SdkFault with the SDK's code: 1016 where CLASS_NUM is missing, 1004 where lists have the wrong length or
    version, framework and layout do not go together, 1005 for a combination that only the board decodes.
    """
    name = values.name
    code, class_num = values.uint32("CLASS_NUM", 0, 0, 1000)
    if code != OK:
        found = "is missing" if code == NO_EXIST else f"is {values.texts['CLASS_NUM']!r}, not a number"
        raise SdkFault(code, f"{name}: CLASS_NUM {found}; it is the number of classes, 0 to 1000")
    _check_combination(values)
    _, score = values.number("SCORE_THRESH", 0.0, 0.0, 1.0)
    _, objectness = values.number("OBJECTNESS_THRESH", 0.3, 0.0, 1.0)
    _, iou = values.number("IOU_THRESH", 0.45, 0.0, 1.0)
    _, levels = values.uint32("YOLO_TYPE", 3)
    _, anchors = values.uint32("ANCHOR_DIM", 3)
    _, count = values.uint32("BIASES_NUM", 18, 0, 100)
    _, biases = values.numbers("BIASES")
    if len(biases) != count:
        raise SdkFault(
            INVALID_PARAM,
            f"{name}: BIASES_NUM says {count} numbers, BIASES has {len(biases)}{_cut_hint(values, 'BIASES')}",
        )
    if levels * anchors * 2 > count:
        raise SdkFault(
            INVALID_PARAM,
            f"{name}: YOLO_TYPE={levels} outputs with ANCHOR_DIM={anchors} anchors need {levels * anchors * 2} "
            f"numbers in BIASES, which has {count}",
        )
    separate: list[float] = []
    if "SEPARATE_SCORE_THRESH" in values.texts:
        _, separate = values.numbers("SEPARATE_SCORE_THRESH")
        if len(separate) != class_num:
            raise SdkFault(
                INVALID_PARAM,
                f"{name}: SEPARATE_SCORE_THRESH has {len(separate)} numbers for CLASS_NUM={class_num} classes"
                f"{_cut_hint(values, 'SEPARATE_SCORE_THRESH')}",
            )
    return YoloConfig(class_num, tuple(biases), score, objectness, iou, tuple(separate), levels, anchors)


def _check_combination(values: KeyValues) -> None:
    _, version = values.integer("YOLO_VERSION", 3)
    _, layout = values.integer("MODEL_TYPE", NCHWC if version == 5 else NHWC)
    code, framework = values.string("FRAMEWORK")
    framework = framework if code == OK else "TensorFlow"
    found = f"{values.name}: YOLO_VERSION={version} with FRAMEWORK={framework} and MODEL_TYPE={layout}"
    if (version, framework.lower(), layout) not in SDK_COMBINATIONS:
        raise SdkFault(
            INVALID_PARAM,
            f"{found} is none that the SDK decodes; YOLOv5 is YOLO_VERSION=5, FRAMEWORK=PyTorch, MODEL_TYPE=2",
        )
    if version != 5:
        raise SdkFault(UNREALIZED, f"{found} runs on the board only; the host engine decodes YOLO_VERSION=5")


def _cut_hint(values: KeyValues, key: str) -> str:
    """Why a list came out short, where it is the classic mistake."""
    return " (the SDK cuts a list at its first blank)" if " " in values.texts.get(key, "") else ""
