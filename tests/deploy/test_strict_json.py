"""JSON of another program: what Python's reader lets through and later code stumbles over is refused."""

from __future__ import annotations

import json

import pytest

from deploy.strict_json import DEEPEST, strict_json


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": [1, -2.5, True, None, "Größe 条"], "": {}}, id="all kinds"),
        pytest.param([[[]]], id="nested"),
        pytest.param(2**63 - 1, id="64 bits"),
        pytest.param("\U0001f600", id="a whole pair of surrogates"),
    ],
)
def test_what_json_says_comes_back(value: object) -> None:
    assert strict_json(json.dumps(value)) == value
    assert strict_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("NaN", "NaN is no number", id="NaN"),
        pytest.param("[-Infinity]", "-Infinity is no number", id="infinity"),
        pytest.param("1e999", "1e999 is too large", id="a float that becomes infinite"),
        pytest.param("9" * 400, "is too large", id="an integer that no float holds"),
        pytest.param("9" * 5000, "is too large", id="an integer that Python refuses to read"),
        pytest.param("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested deeper", id="one level too deep"),
        pytest.param("[" * 100_000, "nested deeper", id="too deep for Python's reader"),
        pytest.param('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper", id="mappings in mappings"),
        pytest.param('"\\ud800"', "surrogate", id="half of a pair"),
        pytest.param('{"\\udc00x": 1}', "surrogate", id="half of a pair in a key"),
        pytest.param("", "Expecting value", id="nothing"),
        pytest.param("{'a': 1}", "Expecting property name", id="Python's own notation"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        strict_json(text)
