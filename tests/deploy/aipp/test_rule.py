"""What an AIPP file asks for, and what CANN forbids."""

import pytest

from deploy.aipp.read import parse_aipp, read_aipp
from deploy.aipp.rule import Box, aipp_rule
from deploy.sdk_codes import SdkFault

NET = (3, 96, 128)


def rule(net=NET, **changes):
    keys = {"aipp_mode": "static", "input_format": "YUV420SP_U8", "csc_switch": "true", **changes}
    text = "aipp_op {\n" + "".join(f"{key}: {value}\n" for key, value in keys.items() if value is not None) + "}"
    return aipp_rule(parse_aipp(text, "aipp.cfg"), net, "aipp.cfg")


def test_defaults():
    found = rule()
    assert (found.width, found.height, found.crop, found.padding) == (128, 96, None, (0, 0, 0, 0))
    assert found.matrix == ((298, 516, 0), (298, -100, -208), (298, 0, 409))
    assert (found.input_bias, found.output_bias) == ((16, 128, 128), (16, 128, 128))
    assert (found.scales, found.means) == ((1.0,) * 4, (0,) * 4)
    assert rule(csc_switch=None).matrix is None


def test_crop_and_padding_make_the_models_size():
    found = rule(
        src_image_size_w=200, src_image_size_h=150, crop="true", load_start_pos_w=10, load_start_pos_h=20,
        crop_size_w=100, crop_size_h=90, padding="true", left_padding_size=20, right_padding_size=8,
        bottom_padding_size=6, padding_value=0.5,
    )  # fmt: skip
    assert found.crop == Box(10, 20, 100, 90)
    assert (found.padding, found.padding_value) == ((20, 8, 0, 6), 0.5)


def test_a_crop_without_a_size_takes_what_is_left_for_it():
    found = rule(src_image_size_w=200, src_image_size_h=150, crop="true", padding="true", left_padding_size=28)
    assert found.crop == Box(0, 0, 100, 96)


def test_sizes_of_padding_count_only_where_it_is_on():
    assert rule(left_padding_size=3).padding == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        pytest.param({"aipp_mode": "dynamic"}, 1005, "aipp_mode: static", id="dynamic"),
        pytest.param({"aipp_mode": None}, 1004, "aipp_mode is missing", id="no mode"),
        pytest.param({"resize": "true"}, 1005, "CANN reserves it", id="a reserved key"),
        pytest.param({"input_format": None}, 1004, "input_format is missing", id="no format"),
        pytest.param({"input_format": "NV12"}, 1004, "one of YUV420SP_U8", id="an unknown format"),
        pytest.param({"src_image_size_w": 320, "src_image_size_h": 96}, 1004,
                     "320 x 96; the model takes 128 x 96", id="another size"),
        pytest.param({"src_image_size_w": 320}, 1004, "set together", id="half a size"),
        pytest.param({"src_image_size_w": 4098}, 1004, "from 0 to 4096", id="too wide"),
        pytest.param({"crop": "true"}, 1004, "crop is true; it needs src_image_size_w", id="crop without a size"),
        pytest.param({"mean_chn_0": 256}, 1004, "mean_chn_0 is 256; expected a number from 0 to 255", id="no byte"),
        pytest.param({"var_reci_chn_1": 1e6}, 1004, "var_reci_chn_1", id="beyond float16"),
        pytest.param({"matrix_r1c1": 40000}, 1004, "from -32768 to 32767", id="beyond int16"),
        pytest.param({"padding": "true", "src_image_size_w": 128, "src_image_size_h": 96, "top_padding_size": 33}, 1004,
                     "top_padding_size is 33; expected a number from 0 to 32", id="too much padding"),
        pytest.param({"padding": "true", "src_image_size_w": 128, "src_image_size_h": 96, "top_padding_size": 2}, 1004,
                     "less its padding, 128 x 94", id="padding that does not fit"),
        pytest.param({"crop": "true", "src_image_size_w": 128, "src_image_size_h": 96, "load_start_pos_w": 2}, 1004,
                     "reaches beyond src_image_size, 128 x 96", id="a crop beyond the image"),
        pytest.param({"crop": "true", "src_image_size_w": 130, "src_image_size_h": 98, "load_start_pos_h": 1}, 1004,
                     "load_start_pos_h is 1; expected an even number", id="an odd crop of YUV"),
        pytest.param({"net": (3, 95, 127)}, 1004, "src_image_size_w is 127; expected an even number",
                     id="an odd image of YUV"),
        pytest.param({"net": (1, 96, 128)}, 1004, "makes 3 channel(s); the model takes 1", id="a grey model"),
        pytest.param({"net": NET, "input_format": "YUV400_U8"}, 1004, "makes 1 channel(s)", id="grey images"),
    ],
)  # fmt: skip
def test_what_is_forbidden(changes, code, sentence):
    with pytest.raises(SdkFault, match=r"^aipp\.cfg: ") as caught:
        rule(**changes)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_the_bundles_file(tiny_bundle):
    path = tiny_bundle((96, 128)) / "aipp.cfg"
    assert aipp_rule(read_aipp(path), NET, str(path)).scales[:3] == (0.00392157,) * 3
