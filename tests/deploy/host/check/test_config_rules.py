"""What the check finds in a post-processor's config, line by line."""

import pytest

from deploy.host.check.config_rules import (
    CLASSES,
    NEW,
    OLD,
    OLD_V3,
    OTHER,
    TEXT,
    config_findings,
    read_config,
)

GOOD = """CLASS_NUM=3
BIASES_NUM=18
BIASES=10,13,16,30,33,23,30,61,62,45,59,119,116,90,156,198,373,326
SCORE_THRESH=0.4
OBJECTNESS_THRESH=0.4
IOU_THRESH=0.5
YOLO_TYPE=3
ANCHOR_DIM=3
YOLO_VERSION=5
MODEL_TYPE=2
FRAMEWORK=PyTorch
RESIZE_FLAG=0
"""

V3 = """CLASS_NUM=80
BIASES_NUM=18
BIASES=10,13,16,30,33,23,30,61,62,45,59,119,116,90,156,198,373,326
YOLO_TYPE=3
ANCHOR_DIM=3
MODEL_TYPE=0
RESIZE_FLAG=0
"""


def findings(text, reader=NEW):
    values, found = read_config(text if isinstance(text, bytes) else text.encode(), "x.cfg")
    return found + (list(config_findings(values, reader)) if values is not None else [])


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        pytest.param(GOOD, NEW, id="new framework"),
        pytest.param(GOOD, OLD, id="old framework"),
        pytest.param(GOOD.replace("YOLO_VERSION=5\n", "").replace("FRAMEWORK=PyTorch\n", ""), OLD, id="old app's"),
        pytest.param(GOOD, None, id="nobody is known to read it"),
        pytest.param(GOOD.replace("\n", "\r\n"), NEW, id="Windows line ends"),
        pytest.param("# head\n\n" + GOOD.replace("=", " = "), NEW, id="comments and blanks"),
        pytest.param("TOP_K=5\n", OTHER, id="another network's"),
        pytest.param("BIASES_NUM=18\nMODEL_TYPE=7\nCLASS_NUM=90000\nSCORE=1\n", OTHER, id="a library of an app's own"),
        pytest.param(
            "CLASS_NUM=6625\nOBJECT_NUM=100\nBLANK_INDEX=0\nWITH_ARGMAX=true\n",
            TEXT,
            id="CrnnPostProcess.cpp Init and TextGenerationPostProcessBase.cpp Init",
        ),
        pytest.param("CLASS_NUM=6625\nOBJECT_NUM=100\n", None, id="CrnnPostProcess.cpp Init: by its keys"),
        pytest.param("CLASS_NUM=2000\nSOFTMAX=true\nTOP_K=5\n", CLASSES, id="Resnet50PostProcess.cpp Init"),
        pytest.param("CLASS_NUM=2000\nSOFTMAX=true\nTOP_K=5\n", None, id="Resnet50PostProcess.cpp Init: by its keys"),
        pytest.param(V3, None, id="Yolov3PostProcess of TensorFlow: MODEL_TYPE=0 is right"),
    ],
)
def test_nothing_to_find(text, reader):
    assert findings(text, reader) == []


def test_a_config_of_another_network_is_noted():
    (one,) = findings("TOP_K=5\n", None)
    assert one.severity == "note"


@pytest.mark.parametrize(
    ("old", "new", "line", "severity", "code", "sentence"),
    [
        pytest.param("CLASS_NUM=3", "CLASS_NUM", 1, "warning", 0, "without =", id="a line without ="),
        pytest.param("CLASS_NUM=3", "\ufeffCLASS_NUM=3", 1, "error", 0, "byte order mark", id="byte order mark"),
        pytest.param("CLASS_NUM=3", "\tCLASS_NUM=3", 1, "error", 1016, "does not find CLASS_NUM", id="tab"),
        pytest.param("IOU_THRESH=", "IOU_THRESH\t=", 6, "error", 1016, "does not find IOU_THRESH", id="tab behind"),
        pytest.param("IOU_THRESH=", "IOU_THRES=", 6, "warning", 0, 'did you mean "IOU_THRESH"', id="misspelt key"),
        pytest.param("IOU_THRESH=", "iou_thresh=", 6, "warning", 0, 'did you mean "IOU_THRESH"', id="small letters"),
        pytest.param("RESIZE_FLAG=0", "=0", 12, "warning", 0, "before the =", id="no key"),
        pytest.param("RESIZE_FLAG=0", "CLASS_NUM=4", 12, "warning", 0, "line 1 already", id="a key twice"),
        pytest.param("16,30,", "16, 30,", 3, "error", 1004, "first blank and reads 3", id="a blank cuts a list"),
        pytest.param("16,30,", "16,x,", 3, "error", 1004, "no number", id="an item that is no number"),
        pytest.param("16,30,", "16,,30,", 3, "warning", 0, "skips empty items", id="an empty item"),
        pytest.param("373,326", "373", 3, "error", 1004, "BIASES has 17", id="a number too few"),
        pytest.param("373,326", "373,0", 3, "error", 0, "side of 0 px", id="an empty anchor"),
        pytest.param("BIASES_NUM=18", "BIASES_NUM=16", 3, "error", 1004, "BIASES has 18", id="the count disagrees"),
        pytest.param("YOLO_TYPE=3", "YOLO_TYPE=4", 2, "error", 0, "need 24 numbers", id="four heads"),
        pytest.param("SCORE_THRESH=0.4", "SCORE_THRESH=1.5", 4, "warning", 0, "the SDK takes 1.0", id="clamped"),
        pytest.param("SCORE_THRESH=0.4", "SCORE_THRESH=0,4", 4, "warning", 0, "the SDK reads 0.0", id="decimal comma"),
        pytest.param("SCORE_THRESH=0.4", "SCORE_THRESH='0.4'", 4, "error", 1004, "it is a number", id="quotes"),
        pytest.param("SCORE_THRESH=0.4", "SCORE_THRESH=", 4, "error", 1004, "has no value", id="empty"),
        pytest.param("CLASS_NUM=3", "CLASS_NUM=-3", 1, "warning", 0, "the SDK reads 1000", id="a negative count"),
        pytest.param("CLASS_NUM=3", "CLASS_NUM=3.7", 1, "warning", 0, "the SDK reads 3", id="a fraction"),
        pytest.param("CLASS_NUM=3", "CLASS_NUM=1001", 1, "warning", 0, "takes 1000", id="too many classes"),
        pytest.param("RESIZE_FLAG=0", "CHECK_MODEL=1", 12, "error", 1004, "true or false", id="1 is not true"),
        pytest.param("FRAMEWORK=PyTorch", "FRAMEWORK=PyTorch 1", 11, "warning", 0, "first blank", id="a cut text"),
        pytest.param("MODEL_TYPE=2", "MODEL_TYPE=1", 10, "error", 1004, "none that", id="wrong layout"),
        pytest.param("CLASS_NUM=3\n", "", 0, "error", 1016, "CLASS_NUM is missing", id="no class count"),
        pytest.param("RESIZE_FLAG=0", "SEPARATE_SCORE_THRESH=.1,.2", 12, "error", 1004, "has 2", id="too few separate"),
    ],
)
def test_new_framework(old, new, line, severity, code, sentence):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = [one for one in findings(text) if sentence in one.sentence]
    assert [(one.line, one.severity, one.code) for one in found] == [(line, severity, code)]


@pytest.mark.parametrize(
    ("old", "new", "line", "severity", "sentence"),
    [
        pytest.param("MODEL_TYPE=2", "MODEL_TYPE=0", 10, "warning", "mixes up the axes", id="layout"),
        pytest.param("RESIZE_FLAG=0", "RESIZE_FLAG=1", 12, "warning", "twice", id="mapped back twice"),
        pytest.param("CLASS_NUM=3\n", "", 0, "error", "takes 2 without a word", id="no class count"),
        pytest.param("SCORE_THRESH=0.4\n", "", 0, "warning", "takes 0.5 without a word", id="no threshold"),
        pytest.param("373,326", "373", 3, "error", "has 17", id="a number too few"),
        pytest.param("RESIZE_FLAG=0", "SEPARATE_SCORE_THRESH=1,1,1", 12, "warning", "means nothing", id="not read"),
    ],
)
def test_old_framework(old, new, line, severity, sentence):
    found = [one for one in findings(GOOD.replace(old, new, 1), OLD) if sentence in one.sentence]
    assert [(one.line, one.severity) for one in found] == [(line, severity)]


def test_the_old_v3_reader_is_another():
    text = GOOD.replace("MODEL_TYPE=2", "MODEL_TYPE=0")
    assert not [one for one in findings(text, OLD_V3) if "mixes up" in one.sentence]


@pytest.mark.parametrize(
    ("text", "reader", "severity", "sentence"),
    [
        pytest.param("CLASS_NUM=10001\nOBJECT_NUM=1\n", TEXT, "warning", "takes 10000",
                     id="TextGenerationPostProcessBase.cpp Init: the most classes"),
        pytest.param("CLASS_NUM=2001\nTOP_K=1\n", CLASSES, "warning", "takes 2000",
                     id="Resnet50PostProcess.cpp Init: the most classes"),
        pytest.param("TOP_K=17\nCLASS_NUM=3\n", CLASSES, "warning", "takes 16", id="Resnet50PostProcess.cpp: TOP_K"),
        pytest.param("SIZES=1, 2\n", OTHER, "warning", "first blank", id="ConfigUtil.cpp GetFileValue<string>"),
    ],
)  # fmt: skip
def test_other_post_processors(text, reader, severity, sentence):
    (one,) = findings(text, reader)
    assert (one.severity, sentence in one.sentence) == (severity, True)


def test_a_line_too_long_ends_the_reading():
    (one,) = findings(b"A=1\nB=" + b"x" * 10_000)
    assert (one.line, one.severity, one.code) == (2, "error", 1019)
