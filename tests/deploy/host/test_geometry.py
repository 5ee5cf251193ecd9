"""Where a resized picture ends up, against rows computed by the vendor's own code."""

import json

import pytest

from deploy.host.geometry import check_net_size, fit, stretch
from deploy.postprocess.config import float32
from deploy.sdk_codes import SdkFault

KINDS = {("Resizer_KeepAspectRatio_Fit", "Padding_RightDown"): fit, ("Resizer_Stretch", "Padding_NO"): stretch}


def test_golden_rows(shared):
    table = json.loads((shared / "golden" / "resize_geometry.json").read_text())
    rows = [dict(zip(table["columns"], row)) for row in table["rows"]]
    rows = [row for row in rows if row["soc"] == 310 and (row["resize_type"], row["padding"]) in KINDS]
    assert len(rows) > 2000
    for row in rows:
        kind = KINDS[row["resize_type"], row["padding"]]
        if row["ret"]:
            with pytest.raises(SdkFault) as caught:
                check_net_size(row["net_w"], row["net_h"])
                kind(row["src_w"], row["src_h"], row["net_w"], row["net_h"])
            assert caught.value.code == row["ret"], row
            continue
        place = kind(row["src_w"], row["src_h"], row["net_w"], row["net_h"])
        assert (place.width, place.height) == (row["right"] + 1, row["bottom"] + 1), row
        assert float32(place.ratio) == pytest.approx(row["ratio"], rel=1e-6), row
        if kind is fit:
            assert (place.inter_width, place.inter_height) == (row["inter_w"], row["inter_h"]), row


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
    place = fit(*size, 512, 512)
    assert (place.width, place.height) == content


@pytest.mark.parametrize(
    ("size", "code", "word"),
    [
        pytest.param((31, 320), 2020, "width", id="width below VPC's minimum"),
        pytest.param((4097, 320), 2020, "width", id="width beyond VPC's maximum"),
        pytest.param((320, 5), 2021, "height", id="height below VPC's minimum"),
    ],
)
def test_net_sizes_that_vpc_cannot_write(size, code, word):
    with pytest.raises(SdkFault, match=f"output {word}") as caught:
        check_net_size(*size)
    assert caught.value.code == code


def test_content_too_narrow_and_scale_too_large():
    with pytest.raises(SdkFault, match=r"width is \d+ px; VPC writes 32"):
        fit(100, 4000, 512, 512)
    with pytest.raises(SdkFault, match="VPC scales a side by 1/32 to 16"):
        stretch(32, 32, 640, 640)
