"""libSsdMobilenetFpn_MindsporePost.so: MxBase's SsdMobilenetFpnMindsporePostDptr.hpp."""

import numpy as np
import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.ssd_fpn import SsdConfig, decode_ssd, read_ssd_config
from deploy.sdk_codes import SdkFault

IMAGE = Geometry(640, 640, 200, 100, 0, 0.0)  # 200 x 100 px
TEXT = b"CLASS_NUM=3\nSCORE_THRESH=0.3\nIOU_THRESH=0.6\n"


def outputs(*rows):
    """rows of (y0, x0, y1, x1), [scores of background and two classes]."""
    return [
        np.array([[box for box, _ in rows]], np.float32),
        np.array([[scores for _, scores in rows]], np.float32),
    ]


def decoded(rows, text=TEXT):
    return decode_ssd(outputs(*rows), read_ssd_config(KeyValues.from_text(text, "c")), IMAGE).tolist()


A = (0.1, 0.1, 0.5, 0.3)  # 20..60 x 10..50 px
NEAR = (0.12, 0.1, 0.52, 0.3)  # 2 px lower: IoU with +1 is 38 * 40 / (2 * 41 * 41 - 38 * 40) = 0.825


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(A, [0.9, 0.1, 0.4])], [[20, 10, 60, 50, 0.4, 2]], id="y before x, scaled to the image"),
        pytest.param([(A, [0.9, 0.3, 0.3])], [], id="at the threshold is not above"),
        pytest.param(
            [(A, [0, 0.5, 0.6])], [[20, 10, 60, 50, 0.5, 1], [20, 10, 60, 50, 0.6, 2]], id="one box of each class"
        ),
        pytest.param([(A, [0, 0.5, 0]), (NEAR, [0, 0.8, 0])], [[20, 12, 60, 52, 0.8, 1]], id="the better one stays"),
        pytest.param([((-0.1, -0.2, 1.2, 1.1), [0, 0.5, 0])], [[0, 0, 200, 100, 0.5, 1]], id="clipped to the image"),
        pytest.param([((0.5, 0.3, 0.1, 0.1), [0, 0.5, 0])], [[20, 10, 60, 50, 0.5, 1]], id="corners turned round"),
    ],
)
def test_boxes(rows, expected):
    np.testing.assert_allclose(np.array(decoded(rows)).reshape(-1, 6), np.array(expected).reshape(-1, 6), rtol=1e-5)


def test_plus_one_decides():
    """Two boxes of 4 x 4 px, 3 px of which are shared: 12 / 20 is 0.6 to plain IoU, 12 / (50 - 12) to this one."""
    rows = [((0.1, 0.1, 0.14, 0.12), [0, 0.9, 0]), ((0.11, 0.1, 0.15, 0.12), [0, 0.8, 0])]
    assert len(decoded(rows, TEXT.replace(b"0.6", b"0.4"))) == 2
    assert len(decoded(rows, TEXT.replace(b"0.6", b"0.3"))) == 1


def test_at_most_100_of_a_class():
    rows = [((y / 200, x / 200, y / 200 + 0.001, x / 200 + 0.001), [0, 0.5, 0.5]) for y in range(12) for x in range(10)]
    found = np.array(decoded(rows))
    assert (found[:, 5] == 1).sum() == (found[:, 5] == 2).sum() == 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(b"IOU_THRESH=0.6", 1016, id="no CLASS_NUM"),
        pytest.param(b"CLASS_NUM=3", 1016, id="no IOU_THRESH, which stops the SDK here"),
        pytest.param(b"CLASS_NUM=3\nIOU_THRESH=x", 1004, id="IOU_THRESH no number"),
        pytest.param(TEXT + b"SEPARATE_SCORE_THRESH=0.1,0.2", 1004, id="two thresholds for three classes"),
    ],
)
def test_configs_that_stop_the_sdk(text, code):
    with pytest.raises(SdkFault) as caught:
        read_ssd_config(KeyValues.from_text(text, "c"))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "tensors",
    [
        pytest.param([np.zeros((1, 5, 4), np.float32)], id="one output"),
        pytest.param([np.zeros((1, 5, 4), np.float32), np.zeros((1, 5, 2), np.float32)], id="other classes"),
        pytest.param([np.zeros((1, 4, 5), np.float32), np.zeros((1, 5, 3), np.float32)], id="no boxes"),
        pytest.param([np.zeros((1, 5, 4), np.float16), np.zeros((1, 5, 3), np.float32)], id="two bytes"),
    ],
)
def test_outputs_that_do_not_fit(tensors):
    with pytest.raises(SdkFault) as caught:
        decode_ssd(tensors, SsdConfig(3, (0.3,) * 3, 0.6), IMAGE)
    assert caught.value.code == 1004
