"""libresnet50postprocess.so: MxBase's Resnet50PostProcess.cpp and FastMath.h."""

import numpy as np
import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.resnet50 import ClassConfig, classify, read_class_config
from deploy.sdk_codes import SdkFault

SCORES = np.array([[0.5, 3.0, -1.0, 3.0]], np.float32)
POWERS = np.exp(SCORES[0].astype(np.float64))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ClassConfig(0, False, 1), id="defaults: the SDK only warns"),
        pytest.param("CLASS_NUM=1001\nSOFTMAX=true\nTOP_K=5", ClassConfig(1001, True, 5), id="all"),
        pytest.param("CLASS_NUM=5000\nTOP_K=99", ClassConfig(2000, False, 16), id="clamped to 2000 and 16"),
        pytest.param("CLASS_NUM=10\nSOFTMAX=1", ClassConfig(10, False, 1), id="1 is no bool to the SDK"),
    ],
)
def test_config(text, expected):
    assert read_class_config(KeyValues.from_text(text.encode(), "c")) == expected


@pytest.mark.parametrize(
    ("outputs", "config", "ids", "confidences"),
    [
        pytest.param([SCORES], ClassConfig(4), [1], [3.0], id="the best, as it is"),
        pytest.param([SCORES], ClassConfig(4, False, 3), [1, 3, 0], [3, 3, 0.5], id="equal ones in their order"),
        pytest.param([SCORES], ClassConfig(4, False, 16), [1, 3, 0, 2], [3, 3, 0.5, -1], id="no more than there are"),
        pytest.param([SCORES], ClassConfig(4, True, 1), [1], [POWERS[1] / POWERS.sum()], id="softmax"),
        pytest.param([SCORES], ClassConfig(4, False, 0), [], [], id="none asked for"),
        pytest.param([SCORES.reshape(1, 4, 1, 1)], ClassConfig(4), [1], [3.0], id="rank 4"),
        pytest.param([SCORES * 29], ClassConfig(4, True, 2), [1, 3], [0.5, 0.5], id="softmax of large scores"),
        pytest.param([SCORES - 300], ClassConfig(4, True, 1), [1], [-297.0], id="a sum of nothing changes nothing"),
        pytest.param([SCORES, SCORES[:, :2]], ClassConfig(4), [1], [3.0], id="further outputs do not count"),
    ],
)
def test_classes(outputs, config, ids, confidences):
    found, scores = classify([output.astype(np.float32) for output in outputs], config)
    assert found.tolist() == ids
    np.testing.assert_allclose(scores, confidences, rtol=2e-5)


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param([], id="nothing"),
        pytest.param([SCORES[0]], id="rank 1"),
        pytest.param([SCORES[:, :3]], id="another number of classes"),
        pytest.param([SCORES.astype(np.float16)], id="two bytes"),
    ],
)
def test_outputs_that_do_not_fit(outputs):
    with pytest.raises(SdkFault) as caught:
        classify(outputs, ClassConfig(4))
    assert caught.value.code == 1004
