"""libfasterrcnnpostprocess.so: MxBase's FasterRcnnPostProcessDptr.hpp and FasterRcnnPostProcess.cpp."""

import numpy as np
import pytest

from deploy.postprocess.faster_rcnn import decode_faster_rcnn, read_faster_rcnn_config
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.sdk_codes import SdkFault

STRETCHED = Geometry(100, 50, 200, 100, 0, 0.0)  # a network of 100 x 50 px, an image of 200 x 100
FLOAT = np.float32


def filled(shape, rows, kind=FLOAT):
    array = np.zeros(shape, kind)
    array.reshape(-1)[: np.size(rows)] = np.ravel(rows)
    return array


def original(*found):
    """MODEL_TYPE 0: rows of (y0, x0, y1, x1), score, class."""
    boxes, scores, classes = zip(*found) if found else ((), (), ())
    return [
        np.array([[len(found)]], FLOAT),
        filled((1, 100), scores),
        filled((1, 100, 4), boxes),
        filled((1, 100), classes),
    ]


def cut(*found):
    """MODEL_TYPE 1, CLASS_NUM=3: rows of (y0, x0, y1, x1) of each of the two classes, and their scores."""
    boxes, scores = zip(*found)
    return [np.array([[len(found)]], FLOAT), filled((1, 100, 2, 4), boxes), filled((1, 100, 2), scores)]


def fpn(*found):
    """MODEL_TYPE 2: rows of (x0, y0, x1, y1, score), class."""
    rows, classes = zip(*found)
    return [np.array(rows, FLOAT), np.array(classes, np.int64)]


def mind_spore(*found):
    """CLASS_NUM=3, RPN_MAX_NUM=4: rows of (x0, y0, x1, y1, score), class, mask."""
    rows, classes, masks = zip(*found)
    return [
        filled((1, 8, 5), rows, np.float16),
        filled((1, 8, 1), classes, np.int32),
        filled((1, 8, 1), masks, np.bool_),
    ]


LEFT, RIGHT = (0.1, 0.2, 0.5, 0.4), (0.1, 0.6, 0.5, 0.8)
PIXELS, NEAR, FAR = (5, 20, 25, 40), (6, 20, 26, 40), (5, 60, 25, 80)
PLAIN = "CLASS_NUM=3\nSCORE_THRESH=0.3\nIOU_THRESH=0.5\n"


@pytest.mark.parametrize(
    ("text", "outputs", "expected"),
    [
        pytest.param(
            PLAIN,
            original((LEFT, 0.9, 2), (RIGHT, 0.3, 1)),
            [[40, 10, 80, 50, 0.9, 2], [120, 10, 160, 50, 0.3, 1]],
            id="0: y before x, the threshold itself counts",
        ),
        pytest.param(PLAIN, original((LEFT, 0.2, 2), (LEFT, 0.9, 3), (LEFT, 0.9, -1)), [], id="0: weak, no class"),
        pytest.param(PLAIN, original(), [], id="0: nothing"),
        pytest.param(
            PLAIN + "MODEL_TYPE=1",
            cut(([PIXELS, PIXELS], [0.2, 0.9]), ([NEAR, NEAR], [0.1, 0.8]), ([FAR] * 2, [0.7, 0])),
            [[120, 10, 160, 50, 0.7, 1], [40, 10, 80, 50, 0.9, 2]],
            id="1: the best class, which counts from 1; NMS; pixels of the network",
        ),
        pytest.param(
            PLAIN + "MODEL_TYPE=1", cut(([PIXELS] * 2, [0.3, 0.1])), [], id="1: at the threshold is not above"
        ),
        pytest.param(
            PLAIN + "MODEL_TYPE=2",
            fpn(((20, 5, 40, 25, 0.9), 0), ((60, 5, 80, 25, 0.1), 1), ((60, 5, 80, 25, 0.9), 3)),
            [[40, 10, 80, 50, 0.9, 0]],
            id="2: x before y, int64 class ids",
        ),
        pytest.param(
            PLAIN + "FRAMEWORK=MindSpore\nRPN_MAX_NUM=4",
            mind_spore(
                ((20, 10, 60, 50, 0.5), 1, 1),
                ((20, 11, 60, 51, 0.75), 1, 1),
                ((90, 10, 300, 50, 0.5), 0, 1),
                ((0, 0, 9, 9, 0.9), 1, 0),
            ),
            [[90, 10, 199, 50, 0.5, 0], [20, 11, 60, 51, 0.75, 1]],
            id="MindSpore: pixels of the image, over the larger area, clipped to its last pixel",
        ),
        pytest.param(
            PLAIN + "FRAMEWORK=MindSpore\nRPN_MAX_NUM=4\nMAX_PER_IMG=1",
            mind_spore(((20, 10, 60, 50, 0.5), 1, 1), ((90, 10, 150, 50, 0.75), 0, 1)),
            [[90, 10, 150, 50, 0.75, 0]],
            id="MindSpore: the best MAX_PER_IMG",
        ),
    ],
)
def test_boxes(text, outputs, expected):
    config = read_faster_rcnn_config(KeyValues.from_text(text.encode(), "c"))
    found = decode_faster_rcnn(outputs, config, STRETCHED)
    np.testing.assert_allclose(found, np.array(expected, FLOAT).reshape(-1, 6), rtol=1e-3)


def test_without_an_image_boxes_stay_as_they_are():
    config = read_faster_rcnn_config(KeyValues.from_text(PLAIN.encode(), "c"))
    found = decode_faster_rcnn(original((LEFT, 0.9, 2)), config, None)
    np.testing.assert_allclose(found, [[0.2, 0.1, 0.4, 0.5, 0.9, 2]], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", 1016, id="no CLASS_NUM"),
        pytest.param(PLAIN + "MODEL_TYPE=3", 1004, id="another MODEL_TYPE"),
        pytest.param(PLAIN + "MODEL_TYPE=0\nFRAMEWORK=mindspore", 1005, id="MindSpore with type 0"),
    ],
)
def test_configs_that_do_not_run(text, code):
    with pytest.raises(SdkFault) as caught:
        read_faster_rcnn_config(KeyValues.from_text(text.encode(), "c"))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        pytest.param("", original()[:3], id="0: three outputs"),
        pytest.param("", [*original()[:2], np.zeros((1, 50, 4), FLOAT), original()[3]], id="0: 50 boxes"),
        pytest.param("", [o.astype(np.float16) for o in original()], id="0: two bytes"),
        pytest.param("MODEL_TYPE=1", original(), id="1: the outputs of 0"),
        pytest.param("MODEL_TYPE=2", [np.zeros((9, 4), FLOAT), np.zeros(9, np.int64)], id="2: no scores"),
        pytest.param("MODEL_TYPE=2", [np.zeros((9, 5), FLOAT), np.zeros(9, np.int32)], id="2: int32 class ids"),
        pytest.param("BBOX_UNCUT_TENSOR=9", original(), id="0: an output that is not there"),
        pytest.param("FRAMEWORK=MindSpore", original(), id="MindSpore: the outputs of 0"),
    ],
)
def test_outputs_that_do_not_fit(text, outputs):
    config = read_faster_rcnn_config(KeyValues.from_text((PLAIN + text).encode(), "c"))
    with pytest.raises(SdkFault) as caught:
        decode_faster_rcnn(outputs, config, STRETCHED)
    assert caught.value.code == 1004
