"""Whatever a config says and a model hands out, decoding ends in boxes or in a fault with a code, without a warning."""

import random
import warnings

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.sdk2.config import read_sdk2_yolov3, read_sdk2_yolov5
from deploy.postprocess.sdk2.yolo import check_axes, check_outputs, check_shapes_v3, decode_v3, decode_v5
from deploy.postprocess.yolo import decode
from deploy.postprocess.yolo_config import read_yolo_config
from deploy.postprocess.yolov8 import decode as decode_v8
from deploy.postprocess.yolov8 import read_yolov8_config
from deploy.sdk_codes import SdkFault

BIASES = "10,13,16,30,33,23,30,61,62,45,59,119,116,90,156,198,373,326"
# the first value of each is the usual one
TEXTS = {
    "CLASS_NUM": ("3", "0", "2", "1000", "x", ""),
    "BIASES_NUM": ("18", "0", "12", "99"),
    "BIASES": (BIASES, "", "1,2", BIASES + ",1"),
    "SCORE_THRESH": ("0.4", "0", "1", "-1", "0.9999999", "1e-30"),
    "OBJECTNESS_THRESH": ("0.3", "0", "1"),
    "IOU_THRESH": ("0.5", "0", "1"),
    "YOLO_TYPE": ("3", "0", "1", "4", "16"),
    "ANCHOR_DIM": ("3", "0", "1", "2", "4"),
    "YOLO_VERSION": ("5", "3", "4", "9"),
    "MODEL_TYPE": ("2", "1", "0", "7"),
    "FRAMEWORK": ("PyTorch", "Caffe", "TensorFlow", "MindSpore"),
    "RESIZE_FLAG": ("0", "1"),
    "CHECK_MODEL": ("false", "true"),
}
SHAPES = (
    [(1, 3, s, s, 8) for s in (16, 8, 4)],
    [(1, 24, s, s) for s in (16, 8, 4)],
    [(1, s, s, 24) for s in (16, 8, 4)],
    [(1, c, s, s) for s in (16, 8) for c in (64, 3)],
    [(1, 3, 4, 4, 8)],
    [],
    [(1, 8400, 85)],
    [(2, 3, 4, 4, 8)] * 3,
    [(1, 3, 0, 4, 8)] * 3,
)


def old_v5(tensors, values, geometry):
    shapes = [tensor.shape for tensor in tensors]
    check_outputs(shapes)
    config = read_sdk2_yolov5(values)
    check_axes(shapes, config)
    return decode_v5(tensors, config, geometry, 128)


def old_v3(tensors, values, geometry):
    shapes = [tensor.shape for tensor in tensors]
    config = read_sdk2_yolov3(values)
    check_shapes_v3(shapes, (1, 128, 128, 3), config)
    check_axes(shapes, config)
    return decode_v3(tensors, config, geometry, 128)


DECODERS = (
    lambda tensors, values, geometry: decode(tensors, read_yolo_config(values), geometry),
    old_v5,
    old_v3,
    lambda tensors, values, geometry: decode_v8(tensors, read_yolov8_config(values), geometry),
)


def test_boxes_or_a_fault():
    choose, numbers = random.Random(1), np.random.default_rng(1)
    counts = [0] * len(DECODERS)
    for _ in range(300):
        texts = {key: choose.choice(v) if choose.random() < 0.2 else v[0] for key, v in TEXTS.items()}
        tensors = [numbers.normal(0, 5, shape).astype(np.float32) for shape in choose.choice(SHAPES)]
        for tensor in tensors:
            if tensor.size and choose.random() < 0.3:
                tensor.flat[choose.randrange(tensor.size)] = choose.choice((np.nan, np.inf, -np.inf, 1e38))
        sides = [choose.choice((1, 64, 128, 4096)) for _ in range(4)]
        geometry = Geometry(*sides, choose.randrange(10), choose.choice((0.0, 0.5, 1e-30)))
        for number, decoder in enumerate(DECODERS):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    rows = decoder(tensors, KeyValues(texts, "cfg"), geometry)
                except SdkFault as fault:
                    assert fault.code
                    continue
            assert rows.ndim == 2
            assert rows.shape[1] == 6
            counts[number] += 1
    assert min(counts) > 10
