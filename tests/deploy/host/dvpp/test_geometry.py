"""Where an image ends up on its canvas, against rows computed by the vendor's own code."""

import json
import re

import pytest

from deploy.host.dvpp.geometry import Resizing, fit_sizes
from deploy.host.dvpp.opencv_way import OpencvResizing
from deploy.host.numerics import ASCEND_310, ASCEND_310P
from deploy.postprocess.key_values import float32
from deploy.postprocess.resize_types import FAST_RCNN, FIT, ONLY_PADDING, RESIZE_TYPES, STRETCH
from deploy.sdk_codes import SdkFault

CHIPS = {310: ASCEND_310, 3101: ASCEND_310P}


@pytest.fixture(scope="module")
def golden(request):
    shared = request.getfixturevalue("shared")
    return json.loads((shared / "golden" / "resize_geometry.json").read_text())


def resizing(row):
    return Resizing(
        RESIZE_TYPES.index(row["resize_type"]),
        row["net_w"],
        row["net_h"],
        around=row["padding"] == "Padding_Around",
        chip=CHIPS[row["soc"]],
    )


def found(row):
    """What our arithmetic makes of a row, in the row's own columns from `ret` on."""
    try:
        place = resizing(row).place(row["src_w"], row["src_h"])
    except SdkFault as fault:
        # what was computed before the fault
        kind, inter, ratio = row["resize_type"], (0, 0), 0.0
        if fault.code == 2002 and kind == "Resizer_KeepAspectRatio_Fit":
            inter, _, ratio = fit_sizes(row["src_w"], row["src_h"], row["net_w"], row["net_h"])
            inter = inter if row["soc"] == 310 else (0, 0)
        if kind == "Resizer_OnlyPadding":
            ratio = 1.0
        return [fault.code, *inter, *[-1] * 6, float32(ratio)]
    right, bottom = place.left + place.width - 1, place.top + place.height - 1
    crop = place.crop_width - 1, place.crop_height - 1
    inter = place.inter_width, place.inter_height
    return [0, *inter, place.left, place.top, right, bottom, *crop, float32(place.ratio)]


def test_golden_rows(golden):
    columns = golden["columns"]
    assert len(golden["rows"]) > 6000
    for values in golden["rows"]:
        row = dict(zip(columns, values))
        expected = [row[name] for name in columns[columns.index("ret") :]]
        expected[-1] = float32(expected[-1])
        assert found(row) == expected, row


def text_of(row):
    with pytest.raises(SdkFault) as caught:
        resizing(row).place(row["src_w"], row["src_h"])
    return caught.value.sentence


def without_numbers(text):
    return re.sub(r"[\d.]+", "#", text.strip())


def test_golden_error_texts(golden):
    examples = [(entry["example_row"], entry["example_text"]) for entry in golden["error_texts"].values()]
    for values, text in examples:
        assert text_of(dict(zip(golden["columns"], values))) == text.strip(), values
    kinds = {without_numbers(text) for _, text in examples}
    failing = [row for row in (dict(zip(golden["columns"], values)) for values in golden["rows"]) if row["ret"]]
    assert len(failing) > 300
    assert {without_numbers(text_of(row)) for row in failing} <= kinds


def test_golden_opencv_rows(golden):
    table = golden["opencv_fit"]
    assert len(table["rows"]) > 1000
    for values in table["rows"]:
        row = dict(zip(table["columns"], values))
        size, ratio = OpencvResizing(FIT, row["net_w"], row["net_h"]).size(row["src_w"], row["src_h"])
        assert (*size, ratio) == (row["resized_w"], row["resized_h"], float32(row["ratio"])), row


@pytest.mark.parametrize(
    ("size", "content"),
    [
        pytest.param((500, 375), (512, 384), id="fills the width"),
        pytest.param((353, 500), (362, 512), id="361.47 columns are forced even, upwards"),
        pytest.param((500, 333), (512, 340), id="340.99 rows: floor, then even"),
        pytest.param((512, 512), (512, 512), id="nothing to do"),
    ],
)
def test_content_on_a_512_net(size, content):
    place = Resizing(FIT, 512, 512).place(*size)
    assert (place.width, place.height) == content


def test_the_second_rescale_of_the_310_and_the_one_step_of_the_310p():
    first = Resizing(FIT, 512, 512).place(500, 333)
    assert (first.inter_width, first.inter_height, first.crop_height, first.height) == (512, 342, 342, 340)
    second = Resizing(FIT, 512, 512, chip=ASCEND_310P).place(500, 333)
    assert (second.inter_width, second.crop_width, second.crop_height, second.height) == (0, 500, 334, 340)


@pytest.mark.parametrize(
    ("size", "pasted", "ratio"),
    [
        pytest.param((500, 250), (224, 112), 224 / 500, id="landscape: the longer side is at its maximum"),
        pytest.param((250, 500), (112, 224), 224 / 500, id="portrait likewise"),
        pytest.param((240, 200), (192, 160), 160 / 200, id="the shorter side is at its minimum"),
    ],
)
def test_fast_rcnn(size, pasted, ratio):
    place = Resizing(FAST_RCNN, 640, 640, min_dimension=160, max_dimension=224).place(*size)
    assert (place.width, place.height) == pasted
    assert (place.canvas_width, place.canvas_height) == (224, 224)
    assert place.ratio == float32(ratio)


def test_the_fast_rcnn_canvas_is_a_multiple_of_16():
    place = Resizing(FAST_RCNN, 640, 640, min_dimension=100, max_dimension=230).place(200, 200)
    assert (place.canvas_width, place.canvas_height) == (240, 240)


def test_types_without_a_rule_on_the_chip_are_stretched():
    for kind in set(range(10)) - {FAST_RCNN, FIT, ONLY_PADDING}:
        assert Resizing(kind, 320, 192).place(500, 375) == Resizing(STRETCH, 320, 192).place(500, 375)
