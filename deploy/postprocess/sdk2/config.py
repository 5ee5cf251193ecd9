"""The configs of SDK 2's YOLO post-processors, which mxpi_modelinfer loads (libMpYOLOv5PostProcessor.so).

Other defaults than the new framework's, and a missing key is never an error. Source: MxpiYolov5PostProcessor and
Yolov3PostProcessor of MxPlugins and MxBase.
"""

from __future__ import annotations

from dataclasses import dataclass

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.object_config import cut_hint, separate_scores
from deploy.postprocess.yolo_config import NCHW, NCHWC, NHWC
from deploy.sdk_codes import INVALID_PARAM, OK, UNREALIZED, SdkFault

DEFAULT_CLASSES, DEFAULT_SCORE, DEFAULT_IOU = 2, 0.5, 0.45
DEFAULT_OBJECTNESS_V5, DEFAULT_OBJECTNESS_V3 = 0.3, 0.0
_MINDSPORE = 1  # a FRAMEWORK_TYPE whose boxes are suppressed by another kind of IoU


@dataclass(frozen=True)
class Sdk2Config:
    """As `YoloConfig`, with the keys that only SDK 2 has.

    `size_layout` says which axes are height and width (MODEL_TYPE); `layout` how the memory is walked through.
    `undo_padding` (RESIZE_FLAG) corrects the boxes of YOLOv5 for a centred letterbox before they are mapped back.
    `check_model` (CHECK_MODEL) and `input_last` (INPUT_TYPE 0: the model's input ends in its channels) are of YOLOv3.
    """

    class_num: int
    biases: tuple[float, ...]
    score_threshold: float
    objectness_threshold: float
    iou_threshold: float
    levels: int
    anchors_per_level: int
    size_layout: int
    layout: int
    undo_padding: bool = False
    separate_scores: tuple[float, ...] = ()
    check_model: bool = True
    input_last: bool = True


def read_sdk2_yolov5(values: KeyValues) -> Sdk2Config:
    """The config of libMpYOLOv5PostProcessor.so. Raises SdkFault 1004 where BIASES does not hold BIASES_NUM numbers.

    MODEL_TYPE only says where height and width stand in a shape; the memory is always walked through as [anchors,
    cells, channels].
    """
    _, count = values.integer("BIASES_NUM", 18, 0, 1000)
    word = values.string("BIASES")[1]
    # here every comma separates, where the new framework skips an empty item
    _, biases = values.numbers("BIASES")
    if not count or len(biases) != count or word.count(",") != count - 1:
        raise _wrong_biases(values, count, len(biases))
    size_layout = NCHWC if values.integer("MODEL_TYPE", 0, 0, 1000)[1] else NHWC
    return Sdk2Config(
        values.integer("CLASS_NUM", DEFAULT_CLASSES, 0, 1000)[1],
        tuple(biases),
        values.number("SCORE_THRESH", DEFAULT_SCORE, 0.0, 1.0)[1],
        values.number("OBJECTNESS_THRESH", DEFAULT_OBJECTNESS_V5, 0.0, 1.0)[1],
        values.number("IOU_THRESH", DEFAULT_IOU, 0.0, 1.0)[1],
        values.integer("YOLO_TYPE", 3, 0, 1000)[1],
        values.integer("ANCHOR_DIM", 3, 0, 1000)[1],
        size_layout,
        NCHWC,
        undo_padding=values.integer("RESIZE_FLAG", 0, 0, 1000)[1] != 0,
    )


def read_sdk2_yolov3(values: KeyValues) -> Sdk2Config:
    """The config of libMpYOLOv3PostProcessor.so.

    Raises SdkFault 1004 where a list has the wrong length, 1005 for a FRAMEWORK_TYPE that only the board decodes.
    """
    class_num = values.integer("CLASS_NUM", DEFAULT_CLASSES, 0, 1000)[1]
    separate = separate_scores(values, class_num)
    _, count = values.uint32("BIASES_NUM", 18, 0, 100)
    _, biases = values.numbers("BIASES")
    if not count or len(biases) != count:
        raise _wrong_biases(values, count, len(biases))
    if values.integer("FRAMEWORK_TYPE", 0, 0, 16)[1] == _MINDSPORE:
        raise SdkFault(
            UNREALIZED,
            f"{values.name}: FRAMEWORK_TYPE={_MINDSPORE} (MindSpore) runs on the board, not on the host engine",
        )
    layout = NCHW if values.integer("MODEL_TYPE", 0, 0, 16)[1] else NHWC
    code, check_model = values.boolean("CHECK_MODEL", True)
    return Sdk2Config(
        class_num,
        tuple(biases),
        values.number("SCORE_THRESH", DEFAULT_SCORE, 0.0, 1.0)[1],
        values.number("OBJECTNESS_THRESH", DEFAULT_OBJECTNESS_V3, 0.0, 1.0)[1],
        values.number("IOU_THRESH", DEFAULT_IOU, 0.0, 1.0)[1],
        values.integer("YOLO_TYPE", 3, 0, 100)[1],
        values.integer("ANCHOR_DIM", 3, 0, 16)[1],
        layout,
        layout,
        separate_scores=separate,
        check_model=check_model if code == OK else True,
        input_last=values.integer("INPUT_TYPE", 0)[1] == 0,
    )


def _wrong_biases(values: KeyValues, count: int, found: int) -> SdkFault:
    return SdkFault(
        INVALID_PARAM,
        f"{values.name}: BIASES_NUM says {count} numbers, BIASES has {found}{cut_hint(values, 'BIASES')}",
    )
