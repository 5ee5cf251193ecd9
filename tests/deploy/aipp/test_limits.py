"""What ATC refuses in an AIPP file: the engine's rule and the findings of the check come from this one list."""

from __future__ import annotations

import pytest

from deploy.aipp.limits import RANGES, violations
from deploy.aipp.read import DEFAULTS
from deploy.aipp.rule import aipp_rule
from deploy.host.check.aipp_findings import aipp_findings
from deploy.sdk_codes import SdkFault

VALID: dict[str, str | float] = {
    "aipp_mode": "static",
    "input_format": "YUV420SP_U8",
    "src_image_size_w": 64,
    "src_image_size_h": 64,
}
WRONG = [
    pytest.param({"aipp_mode": "moving"}, "aipp_mode", id="no such mode"),
    pytest.param({"input_format": "NV12"}, "input_format", id="no such format"),
    pytest.param({"src_image_size_h": 0}, "src_image_size_w", id="a width without a height"),
    pytest.param({"src_image_size_w": 0}, "src_image_size_h", id="a height without a width"),
    pytest.param({"src_image_size_w": 66, "src_image_size_h": 65}, "src_image_size_h", id="an odd height of YUV"),
    pytest.param({"load_start_pos_w": 3}, "load_start_pos_w", id="an odd position of YUV"),
    *(
        pytest.param({key: bound + step}, key, id=f"{key} beyond {bound}")
        for key, bounds in RANGES.items()
        for bound, step in zip(bounds, (-2, 2))
    ),
]


@pytest.mark.parametrize(("changes", "key"), WRONG)
def test_a_violation_is_a_fault_and_a_finding(changes: dict[str, str | float], key: str) -> None:
    values = {**DEFAULTS, **VALID, **changes}
    first, *_ = violations(values)
    assert first.key == key
    with pytest.raises(SdkFault) as caught:
        aipp_rule(values, (3, 64, 64), "aipp.cfg")
    assert caught.value.sentence == f"aipp.cfg: {first.sentence}"
    text = "".join(f"{name} : {value}\n" for name, value in {**VALID, **changes}.items())
    found = aipp_findings(f"aipp_op {{\n{text}}}\n", "aipp.cfg")[1]
    assert first.sentence in [one.sentence for one in found if one.severity == "error"]


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        pytest.param({}, [], id="valid"),
        pytest.param({"input_format": "RGB888_U8", "src_image_size_h": 65}, [], id="packed images may be odd"),
        pytest.param({"aipp_mode": "dynamic"}, ["max_src_image_size"], id="dynamic without the largest size"),
        pytest.param({"aipp_mode": "dynamic", "max_src_image_size": 9, "load_start_pos_w": 1}, [], id="dynamic"),
        pytest.param(
            {"mean_chn_0": 256, "min_chn_0": 1e6, "input_format": ""},
            ["input_format", "mean_chn_0", "min_chn_0"],
            id="all of them",
        ),
    ],
)
def test_keys(changes: dict[str, str | float], keys: list[str]) -> None:
    assert [one.key for one in violations({**DEFAULTS, **VALID, **changes})] == keys
