"""Faster R-CNN, as the SDK's libfasterrcnnpostprocess.so decodes it. Source: MxBase FasterRcnnPostProcessDptr.hpp.

MODEL_TYPE 0 has finished boxes (of TensorFlow), 1 boxes of every class that still need NMS, 2 boxes in pixels of the
network's input (FPN); with FRAMEWORK=MindSpore, type 1 has boxes of the original image in float16. Checks of lengths
that the published source makes against another tensor than the one it reads are left out: they would lose boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.centre_nms import over_larger, suppress_centred
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry, to_source
from deploy.postprocess.nms import suppress
from deploy.postprocess.object_config import class_count, class_thresholds
from deploy.postprocess.tie_order import falling
from deploy.sdk_codes import INVALID_PARAM, OK, UNREALIZED, SdkFault

ORIGINAL, NMS_CUT, FPN = 0, 1, 2
_MOST = 100
_CORNERS = [1, 0, 3, 2]  # a row of boxes is y0 x0 y1 x1


@dataclass(frozen=True)
class FasterRcnnConfig:
    """`class_num` is CLASS_NUM, less the background for type 1; the rest says which output holds what."""

    model_type: int
    mind_spore: bool
    class_num: int
    thresholds: tuple[float, ...]
    iou_threshold: float
    number: int
    cut_boxes: int
    cut_scores: int
    scores: int
    boxes: int
    classes: int
    rpn_most: int
    most: int


def read_faster_rcnn_config(values: KeyValues) -> FasterRcnnConfig:
    """Raises SdkFault: 1016 where CLASS_NUM is missing, 1004 for another MODEL_TYPE than the SDK decodes."""
    count = class_count(values)
    thresholds = class_thresholds(values, count)
    code, framework = values.string("FRAMEWORK")
    mind_spore = code == OK and framework.lower() == "mindspore"
    _, iou = values.number("IOU_THRESH", 1.0, 0.0, 1.0)
    _, model_type = values.integer("MODEL_TYPE", NMS_CUT if mind_spore else ORIGINAL, 0, 1000)
    if model_type not in (ORIGINAL, NMS_CUT, FPN):
        raise SdkFault(INVALID_PARAM, f"{values.name}: MODEL_TYPE is {model_type}; the SDK decodes 0, 1 and 2")
    if mind_spore and model_type != NMS_CUT:
        raise SdkFault(UNREALIZED, f"{values.name}: FRAMEWORK=MindSpore goes with MODEL_TYPE=1, not {model_type}")
    places = {
        "OBJECT_NUM_TENSOR": 0,
        "BBOX_TENSOR": 1,
        "CONFIDENCE_TENSOR": 2,
        "CONFIDENCE_UNCUT_TENSOR": 1,
        "BBOX_UNCUT_TENSOR": 2,
        "CLASSID_UNCUT_TENSOR": 3,
        "RPN_MAX_NUM": 1000,
        "MAX_PER_IMG": 128,
    }
    read = [values.uint32(key, default, 0, 5000)[1] for key, default in places.items()]
    return FasterRcnnConfig(model_type, mind_spore, max(0, count - (model_type == NMS_CUT)), thresholds, iou, *read)


def check_faster_rcnn_shapes(shapes: Sequence[Sequence[int]], config: FasterRcnnConfig) -> None:
    """Raises SdkFault 1004 for outputs that the config does not describe."""
    places, classes = config, config.class_num
    total = classes * config.rpn_most
    if config.mind_spore:
        wanted = {0: (total, 5), 1: (total, None), 2: (total, None)}
        text = f"[1, {total}, 5], [1, {total}, 1] and [1, {total}, 1]"
        good = len(shapes) >= 3 and all(
            len(shapes[k]) >= 2 and shapes[k][1] == n and (side is None or list(shapes[k][2:]) == [side])
            for k, (n, side) in wanted.items()
        )
    elif config.model_type == ORIGINAL:
        text = f"a number of objects, scores, boxes [1, {_MOST}, 4] and class ids"
        last = max(places.number, places.scores, places.boxes, places.classes)
        good = len(shapes) >= 4 and last < len(shapes) and list(shapes[places.boxes][1:]) == [_MOST, 4]
    elif config.model_type == NMS_CUT:
        text = f"a number of objects, boxes [1, {_MOST}, {classes}, 4] and scores [1, {_MOST}, {classes}]"
        last = max(places.number, places.cut_boxes, places.cut_scores)
        good = len(shapes) >= 3 and last < len(shapes)
        good = good and list(shapes[places.cut_boxes][1:]) == [_MOST, classes, 4]
        good = good and list(shapes[places.cut_scores][1:3]) == [_MOST, classes]
    else:
        text = "boxes [n, 5] and class ids [n]"
        good = len(shapes) >= 2 and max(places.number, places.cut_boxes) < len(shapes)
        good = good and len(shapes[places.number]) == 2 and shapes[places.number][1] == 5
        good = good and len(shapes[places.cut_boxes]) == 1
    if not good:
        found = ", ".join(str(list(shape)) for shape in shapes)
        raise SdkFault(INVALID_PARAM, f"the model's outputs are {found}; MODEL_TYPE={config.model_type} takes {text}")


def decode_faster_rcnn(
    outputs: Sequence[np.ndarray], config: FasterRcnnConfig, geometry: Geometry | None
) -> np.ndarray:
    """float32 [n, 6] = x0 y0 x1 y1 confidence class of one image, in pixels of the original, in the SDK's order.

    Without a geometry boxes stay as the model gives them. Raises SdkFault 1004.
    """
    check_faster_rcnn_shapes([_on_board(output) for output in outputs], config)
    if config.mind_spore:
        if geometry is None:
            raise SdkFault(INVALID_PARAM, "MindSpore's boxes are clipped to the image, whose size is not known")
        return _of_mind_spore(outputs, config, geometry)
    decode = {ORIGINAL: _original, NMS_CUT: _nms_cut, FPN: _fpn}[config.model_type]
    boxes, scores, classes = decode(outputs, config)
    kept = np.arange(len(boxes))
    if geometry is not None:
        if config.model_type != ORIGINAL:
            boxes = boxes / np.array([geometry.net_width, geometry.net_height] * 2, np.float32)
        boxes, kept = to_source(boxes, geometry)
    return np.column_stack([boxes, scores[kept], classes[kept]]).astype(np.float32).reshape(-1, 6)


_Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def _original(outputs: Sequence[np.ndarray], config: FasterRcnnConfig) -> _Found:
    count = _count(outputs[config.number])
    scores = _floats(outputs[config.scores])[:count]
    boxes = _floats(outputs[config.boxes]).reshape(-1, 4)[:count]
    classes = _floats(outputs[config.classes])[:count].astype(np.int64)
    known = (classes >= 0) & (classes < config.class_num)
    thresholds = np.array((*config.thresholds, 0.0), np.float32)
    kept = known & ~(scores < thresholds[np.where(known, classes, 0)])
    return boxes[kept][:, _CORNERS], scores[kept], classes[kept]


def _nms_cut(outputs: Sequence[np.ndarray], config: FasterRcnnConfig) -> _Found:
    count = _count(outputs[config.number])
    scores = _floats(outputs[config.cut_scores]).reshape(-1, config.class_num)[:count]
    boxes = _floats(outputs[config.cut_boxes]).reshape(-1, config.class_num, 4)[:count]
    best = scores.argmax(axis=1)
    rows = np.arange(len(best))
    confidences = scores[rows, best]
    rows = rows[confidences > np.array(config.thresholds, np.float32)[best]]
    corners, confidences, classes = boxes[rows, best[rows]][:, _CORNERS], confidences[rows], best[rows] + 1
    kept = suppress(corners, confidences, classes, config.iou_threshold)
    return corners[kept], confidences[kept], classes[kept]


def _fpn(outputs: Sequence[np.ndarray], config: FasterRcnnConfig) -> _Found:
    rows = _floats(outputs[config.number]).reshape(-1, 5)[:_MOST]
    classes = outputs[config.cut_boxes].reshape(-1)
    if classes.dtype.itemsize != 8:
        raise SdkFault(INVALID_PARAM, f"the class ids are {classes.dtype}; MODEL_TYPE=2 reads int64")
    classes = classes.view(np.int64)[: len(rows)]
    rows = rows[: len(classes)]
    known = (classes >= 0) & (classes < config.class_num)
    thresholds = np.array((*config.thresholds, 0.0), np.float32)
    kept = known & ~(rows[:, 4] < thresholds[np.where(known, classes, 0)])
    return rows[kept, :4], rows[kept, 4], classes[kept]


def _of_mind_spore(outputs: Sequence[np.ndarray], config: FasterRcnnConfig, geometry: Geometry) -> np.ndarray:
    if outputs[0].dtype.itemsize != 2 or outputs[1].dtype.itemsize != 4 or outputs[2].dtype.itemsize != 1:
        kinds = ", ".join(str(output.dtype) for output in outputs[:3])
        raise SdkFault(INVALID_PARAM, f"the outputs are {kinds}; of MindSpore they are float16, int32 and bool")
    total = config.class_num * config.rpn_most
    rows = outputs[0].reshape(-1).view(np.float16).astype(np.float32).reshape(-1, 5)[:total]
    classes = outputs[1].reshape(-1).view(np.int32)[:total]
    taken = outputs[2].reshape(-1).view(np.uint8)[:total] != 0
    known = (classes >= 0) & (classes < len(config.thresholds))
    thresholds = np.array((*config.thresholds, 0.0), np.float32)
    taken &= known & ~(rows[:, 4] < thresholds[np.where(known, classes, 0)])
    rows, classes = rows[taken], classes[taken]
    best = falling(rows[:, 4])[: config.most]
    rows, classes = rows[best], classes[best]
    x0, y0, x1, y1, scores = rows.T
    boxes = np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], axis=1)
    kept = suppress_centred(boxes, classes, lambda own: own[falling(scores[own])], over_larger, config.iou_threshold)
    centre, half = boxes[kept, :2], boxes[kept, 2:] / 2
    last = np.array([geometry.source_width - 1, geometry.source_height - 1] * 2, np.float32)
    corners = np.clip(np.concatenate([centre - half, centre + half], axis=1), 0, last)
    return np.column_stack([corners, scores[kept], classes[kept]]).astype(np.float32).reshape(-1, 6)


def _count(output: np.ndarray) -> int:
    values = _floats(output)
    return int(min(max(values[0], 0), _MOST)) if len(values) and np.isfinite(values[0]) else 0


def _floats(output: np.ndarray) -> np.ndarray:
    if output.dtype.itemsize != 4:
        raise SdkFault(INVALID_PARAM, f"the model has an output of {output.dtype}; it has to be of four bytes")
    return np.ascontiguousarray(output).reshape(-1).view(np.float32)


def _on_board(output: np.ndarray) -> tuple[int, ...]:
    return (1, *output.shape[1:])
