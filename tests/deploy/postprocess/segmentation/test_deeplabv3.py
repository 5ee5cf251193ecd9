"""Masks of libdeeplabv3post.so: how each framework's scores become the classes of the original image's pixels."""

import numpy as np
import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.resize_types import LONG, ONLY_PADDING, STRETCH
from deploy.postprocess.segmentation.deeplabv3 import (
    Deeplabv3Config,
    check_deeplabv3_shapes,
    decode_deeplabv3,
    read_deeplabv3_config,
)
from deploy.sdk_codes import SdkFault

# 8 x 8 px of the network: class 2 in the right lower quarter, class 0 elsewhere
CLASSES = 3
LAST = np.zeros((1, 8, 8, CLASSES), np.float32)
LAST[0, ..., 0], LAST[0, 4:, 4:, 2] = 1, 2
FIRST = np.ascontiguousarray(LAST.transpose(0, 3, 1, 2))


def geometry(width, height, kind=STRETCH):
    return Geometry(8, 8, width, height, kind, 0.0)


def quarter(height, width, top, left):
    mask = np.zeros((height, width), int)
    mask[top:, left:] = 2
    return mask


@pytest.mark.parametrize(
    ("scores", "config", "place", "mask"),
    [
        pytest.param(LAST, (3, 0, 0), geometry(16, 24), quarter(24, 16, 12, 8), id="TensorFlow, stretched"),
        pytest.param(LAST, (3, 0, 0), geometry(6, 5, ONLY_PADDING), quarter(5, 6, 4, 4), id="TensorFlow, padded"),
        pytest.param(LAST, (3, 0, 0), geometry(5, 3), quarter(3, 5, 2, 3), id="TensorFlow, smaller than the network"),
        pytest.param(FIRST, (3, 1, 1), geometry(16, 24), quarter(8, 8, 4, 4), id="PyTorch keeps the network's size"),
        pytest.param(FIRST, (3, 1, 2), geometry(8, 8, LONG), quarter(8, 8, 4, 4), id="MindSpore, a square"),
        pytest.param(FIRST, (3, 1, 2), geometry(8, 6, LONG), quarter(6, 8, 4, 4), id="MindSpore, wide: rows cut off"),
        pytest.param(
            FIRST, (3, 1, 2), geometry(5, 8, LONG), quarter(8, 5, 4, 4), id="MindSpore, high: columns cut off"
        ),
    ],
)
def test_masks(scores, config, place, mask):
    found = decode_deeplabv3([scores], Deeplabv3Config(*config), place)
    np.testing.assert_array_equal(found, mask)


def test_mindspore_scales_the_scores_and_not_the_classes():
    """Between a pixel of class 0 and one of class 2 lies none of class 1, and the stronger score reaches further."""
    scores = np.zeros((1, 3, 4, 4), np.float32)
    scores[0, 0, :, :2], scores[0, 2, :, 2:] = 1, 3
    found = decode_deeplabv3([scores], Deeplabv3Config(3, 1, 2), Geometry(4, 4, 16, 16, LONG, 0.0))
    assert set(found[0].tolist()) == {0, 2}
    assert 8 < (found[0] == 2).sum() <= 10


def test_the_first_of_equal_scores():
    equal = np.ones((1, 3, 4, 4), np.float32)
    for framework in (1, 2):
        assert not decode_deeplabv3([equal], Deeplabv3Config(3, 1, framework), geometry(4, 4, LONG)).any()


@pytest.mark.parametrize(
    ("text", "config"),
    [
        pytest.param("CLASS_NUM=21\nMODEL_TYPE=1\nFRAMEWORK_TYPE=2\n", (21, 1, 2), id="all"),
        pytest.param("CLASS_NUM=21\n", (21, 0, 0), id="defaults"),
        pytest.param("MODEL_TYPE=1\n", (0, 0, 0), id="without CLASS_NUM it reads no MODEL_TYPE"),
    ],
)
def test_the_configuration(tmp_path, text, config):
    (tmp_path / "a.cfg").write_text(text)
    assert read_deeplabv3_config(KeyValues.from_file(tmp_path / "a.cfg")) == Deeplabv3Config(*config)


@pytest.mark.parametrize(
    ("shapes", "config", "fits"),
    [
        pytest.param([[1, 8, 8, 3]], (3, 0), True, id="classes last"),
        pytest.param([[1, 3, 8, 8]], (3, 1), True, id="classes first"),
        pytest.param([[1, 3, 8, 8]], (3, 0), False, id="in the other place"),
        pytest.param([[1, 8, 8, 3]], (4, 0), False, id="another number of classes"),
        pytest.param([[2, 8, 8, 3]], (3, 0), False, id="two images"),
        pytest.param([[1, 8, 8]], (3, 0), False, id="classes already"),
        pytest.param([[1, 8, 8, 3], [1, 2]], (3, 0), False, id="two outputs"),
    ],
)
def test_shapes(shapes, config, fits):
    if fits:
        check_deeplabv3_shapes(shapes, Deeplabv3Config(*config))
        return
    with pytest.raises(SdkFault, match=f"CLASS_NUM={config[0]} and MODEL_TYPE={config[1]}") as caught:
        check_deeplabv3_shapes(shapes, Deeplabv3Config(*config))
    assert caught.value.code == 1004


@pytest.mark.parametrize(
    ("scores", "config", "place", "code", "word"),
    [
        pytest.param(LAST, (3, 0, 7), geometry(8, 8), 1001, "FRAMEWORK_TYPE is 7", id="an unknown framework"),
        pytest.param(LAST, (3, 0, 0), geometry(9, 8, ONLY_PADDING), 1004, "only 8 x 8", id="an image beyond its mask"),
        pytest.param(LAST.astype(np.float16), (3, 0, 0), geometry(8, 8), 1004, "four bytes", id="half floats"),
        pytest.param(FIRST, (3, 1, 2), geometry(900, 1, LONG), 1004, "would fill 8 x 0", id="thinner than a row"),
    ],
)
def test_what_is_refused(scores, config, place, code, word):
    with pytest.raises(SdkFault) as caught:
        decode_deeplabv3([scores], Deeplabv3Config(*config), place)
    assert caught.value.code == code and word in caught.value.sentence
