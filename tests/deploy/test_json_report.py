"""Reports that any JSON reader takes."""

import json
import math

import pytest

from deploy.json_report import json_text


def strictly(text):
    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(math.nan, None, id="NaN"),
        pytest.param(math.inf, None, id="infinity"),
        pytest.param(-math.inf, None, id="minus infinity"),
        pytest.param(-1.5, -1.5, id="negative"),
        pytest.param(2**80, 2**80, id="large"),
        pytest.param({"a": [1, math.nan, ("b", -math.inf)]}, {"a": [1, None, ["b", None]]}, id="deeper"),
        pytest.param({"名": "猫"}, {"名": "猫"}, id="names as they are"),
    ],
)
def test_reports(value, expected):
    text = json_text({"value": value})
    assert strictly(text) == {"value": expected}
    assert "\\u" not in text
