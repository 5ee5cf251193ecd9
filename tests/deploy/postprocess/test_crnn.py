"""libcrnnpostprocess.so: MxBase's CrnnPostProcessDptr.hpp."""

import numpy as np
import pytest

from deploy.postprocess.crnn import CrnnConfig, character_ids, read_crnn_config
from deploy.postprocess.key_values import KeyValues
from deploy.sdk_codes import SdkFault


def scores(*best, classes=4):
    """float32 [1, steps, classes] whose best class a step is given."""
    return np.eye(classes, dtype=np.float32)[list(best)][None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", CrnnConfig(0, 0, 0, False), id="defaults: the SDK only warns"),
        pytest.param(
            "CLASS_NUM=37\nOBJECT_NUM=24\nBLANK_INDEX=36\nWITH_ARGMAX=TRUE", CrnnConfig(37, 24, 36, True), id="all"
        ),
        pytest.param("CLASS_NUM=99999\nOBJECT_NUM=9999", CrnnConfig(10_000, 1000, 0, False), id="clamped"),
    ],
)
def test_config(text, expected):
    assert read_crnn_config(KeyValues.from_text(text.encode(), "c")) == expected


@pytest.mark.parametrize(
    ("output", "config", "expected"),
    [
        pytest.param(scores(1, 1, 0, 1, 2), CrnnConfig(4, 5), [1, 1, 2], id="a blank parts two of a kind"),
        pytest.param(scores(3, 3, 3), CrnnConfig(4, 3), [3], id="repetitions are one"),
        pytest.param(scores(0, 3, 0), CrnnConfig(4, 3, 3), [0, 0], id="another blank"),
        pytest.param(scores(3, 3), CrnnConfig(4, 2, 3), [], id="blanks alone"),
        pytest.param(scores(1, 2)[:, :, None], CrnnConfig(4, 2), [1, 2], id="rank 4"),
        pytest.param(np.array([[1, 1, 0, 2]]), CrnnConfig(4, 4, 0, True), [1, 2], id="WITH_ARGMAX reads int64"),
        pytest.param(np.ones((1, 2, 4), np.float32), CrnnConfig(4, 2, 1), [0], id="of equal ones the first"),
    ],
)
def test_texts(output, config, expected):
    assert character_ids([output], config).tolist() == expected


@pytest.mark.parametrize(
    ("output", "config"),
    [
        pytest.param(scores(1, 2), CrnnConfig(4, 3), id="another number of steps"),
        pytest.param(scores(1, 2), CrnnConfig(5, 2), id="another number of classes"),
        pytest.param(scores(1, 2).astype(np.float16), CrnnConfig(4, 2), id="two bytes"),
        pytest.param(scores(1, 2), CrnnConfig(4, 2, 0, True), id="WITH_ARGMAX and rank 3"),
        pytest.param(np.array([[1, 2]], np.int32), CrnnConfig(4, 2, 0, True), id="WITH_ARGMAX and four bytes"),
    ],
)
def test_outputs_that_do_not_fit(output, config):
    with pytest.raises(SdkFault) as caught:
        character_ids([output], config)
    assert caught.value.code == 1004
