"""Masks of libunetmindsporepostprocess.so."""

import numpy as np
import pytest

from deploy.postprocess.mapping import Geometry
from deploy.postprocess.resize_types import FIT, STRETCH
from deploy.postprocess.segmentation.unet import UnetConfig, decode_unet
from deploy.sdk_codes import SdkFault

# 8 x 8 px of the network: class 1 in the right lower quarter
SCORES = np.zeros((1, 2, 8, 8), np.float32)
SCORES[0, 1, 4:, 4:] = 1
IDS = np.ascontiguousarray(SCORES[:, 1].astype(np.int32))


def quarter(height, width, top, left):
    mask = np.zeros((height, width), int)
    mask[top:, left:] = 1
    return mask


@pytest.mark.parametrize(
    ("output", "config", "place", "mask"),
    [
        pytest.param(SCORES, (2, 1, 0, 1), Geometry(8, 8, 16, 24, STRETCH, 0), quarter(24, 16, 12, 8), id="scores"),
        pytest.param(SCORES, (2, 1, 0, 0), Geometry(8, 8, 16, 24, STRETCH, 0), quarter(8, 8, 4, 4), id="not resized"),
        pytest.param(IDS, (2, 2, 1, 1), Geometry(8, 8, 16, 24, STRETCH, 0), quarter(24, 16, 12, 8), id="classes"),
        pytest.param(
            SCORES, (2, 1, 0, 1), Geometry(8, 8, 16, 8, FIT, 0.5), np.zeros((8, 16), int), id="letterbox: upper half"
        ),
        pytest.param(
            SCORES, (2, 1, 0, 1), Geometry(8, 8, 16, 16, FIT, 0.5), quarter(16, 16, 8, 8), id="letterbox: all of it"
        ),
        pytest.param(
            np.zeros((1, 8, 8, 2), np.float32),
            (2, 0, 0, 0),
            Geometry(8, 8, 8, 8, STRETCH, 0),
            np.zeros((8, 8)),
            id="NHWC",
        ),
    ],
)
def test_masks(output, config, place, mask):
    np.testing.assert_array_equal(decode_unet([output], UnetConfig(*config), place), mask)


@pytest.mark.parametrize(
    ("output", "config", "code", "word"),
    [
        pytest.param(SCORES, (3, 1, 0, 1), 1004, "CLASS_NUM=3", id="another number of classes"),
        pytest.param(IDS, (2, 0, 1, 1), 1004, "MODEL_TYPE=0", id="classes where scores are said to be"),
        pytest.param(SCORES, (2, 1, 1, 1), 1004, "POST_TYPE=1", id="scores where classes are said to be"),
        pytest.param(IDS, (2, 2, 5, 1), 1001, "POST_TYPE is 5", id="an unknown kind"),
        pytest.param(SCORES.astype(np.float64), (2, 1, 0, 1), 1004, "four bytes", id="doubles"),
    ],
)
def test_what_is_refused(output, config, code, word):
    with pytest.raises(SdkFault) as caught:
        decode_unet([output], UnetConfig(*config), Geometry(8, 8, 8, 8, STRETCH, 0))
    assert caught.value.code == code and word in caught.value.sentence
