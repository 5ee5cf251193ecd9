"""A post-processor's config, as checked when it starts."""

import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.yolo_config import read_yolo_config
from deploy.sdk_codes import SdkFault

GOOD = {
    "CLASS_NUM": "3",
    "BIASES_NUM": "18",
    "BIASES": "10,13,16,30,33,23,30,61,62,45,59,119,116,90,156,198,373,326",
    "SCORE_THRESH": "0.4",
    "OBJECTNESS_THRESH": "0.4",
    "IOU_THRESH": "0.5",
    "YOLO_TYPE": "3",
    "ANCHOR_DIM": "3",
    "MODEL_TYPE": "2",
    "YOLO_VERSION": "5",
    "FRAMEWORK": "PyTorch",
}


def read(**changes):
    """The config of GOOD with keys changed, or removed where the value is None."""
    texts = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return read_yolo_config(KeyValues(texts, "the.cfg"))


def test_good():
    config = read()
    assert config.class_num == 3
    assert config.biases[:4] == (10, 13, 16, 30)
    assert config.score_threshold == pytest.approx(0.4)
    assert (config.levels, config.anchors_per_level) == (3, 3)


def test_defaults():
    config = read(SCORE_THRESH=None, OBJECTNESS_THRESH=None, IOU_THRESH=None, MODEL_TYPE=None, YOLO_TYPE=None)
    thresholds = (config.score_threshold, config.objectness_threshold, config.iou_threshold)
    assert thresholds == pytest.approx((0, 0.3, 0.45))


@pytest.mark.parametrize(
    ("version", "layout", "framework", "expected"),
    [
        pytest.param("3", "0", None, (3, 0), id="v3 is from TensorFlow"),
        pytest.param("3", "1", None, (3, 1), id="v3 with channels first is from Caffe"),
        pytest.param("4", "0", None, (4, 0), id="v4 is from MindSpore"),
        pytest.param("4", "1", "pytorch", (4, 1), id="v4 from PyTorch"),
        pytest.param("5", None, None, (5, 2), id="v5 is from PyTorch and has layout 2"),
        pytest.param(None, None, None, (3, 0), id="v3 where no version is given"),
    ],
)
def test_versions_and_what_they_imply(version, layout, framework, expected):
    config = read(YOLO_VERSION=version, MODEL_TYPE=layout, FRAMEWORK=framework)
    assert (config.version, config.layout) == expected


def test_levels_without_anchors_are_no_error():
    assert read(YOLO_TYPE="4").levels == 4
    assert read(YOLO_TYPE="99").levels == 16


def test_thresholds_of_classes():
    assert read(SEPARATE_SCORE_THRESH="0.5,0.25,1").separate_scores == (0.5, 0.25, 1)
    assert read(SEPARATE_SCORE_THRESH="").separate_scores == ()


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        pytest.param({"CLASS_NUM": None}, 1016, "CLASS_NUM is missing", id="no class count"),
        pytest.param({"CLASS_NUM": "many"}, 1004, "CLASS_NUM is 'many', not a number", id="class count unreadable"),
        pytest.param({"BIASES": None}, 1004, "says 18 numbers, BIASES has 0", id="no anchors"),
        pytest.param({"BIASES": "10, 13"}, 1004, "first blank", id="anchors cut at a blank, the classic mistake"),
        pytest.param({"SEPARATE_SCORE_THRESH": "0.5,0.5"}, 1004, "2 numbers for CLASS_NUM=3", id="a threshold missing"),
        pytest.param({"MODEL_TYPE": "1"}, 1004, "none that the SDK decodes", id="v5 needs MODEL_TYPE 2"),
        pytest.param({"YOLO_VERSION": None}, 1004, "YOLO_VERSION=3", id="the default version is 3"),
        pytest.param({"YOLO_VERSION": "4"}, 1004, "YOLO_VERSION=4", id="v4 from PyTorch is NCHW"),
        pytest.param({"MODEL_TYPE": "3"}, 1004, "MODEL_TYPE=3", id="a layout that does not exist"),
    ],
)
def test_faults(changes, code, sentence):
    with pytest.raises(SdkFault, match=r"the\.cfg: ") as caught:
        read(**changes)
    assert caught.value.code == code
    assert sentence in caught.value.sentence
