"""Config files and contents, read as the vendor's compiled ConfigUtil reads them."""

import base64
import json

import pytest

from deploy.postprocess.config import MAX_LINE_LENGTH, KeyValues, float32
from deploy.sdk_codes import SdkFault


def read(values, entry):
    """One typed read of a golden case: (code, value as the golden file writes it)."""
    kind, key = entry["type"], entry["key"]
    if kind == "string":
        return values.string(key)
    if kind == "floatlist":
        code, numbers = values.numbers(key)
        return code, [f"{number:.9g}" for number in numbers]
    if kind == "bool":
        return values.boolean(key, entry["default"])
    limits = (entry["min"], entry["max"]) if "min" in entry else ()
    if kind == "float":
        code, number = values.number(key, entry["default"], *limits)
        return code, f"{number:.9g}"
    reader = {"int": values.integer, "uint32": values.uint32}[kind]
    return reader(key, entry["default"], *limits)


def parse(case):
    if case["kind"] == "cfg_file":
        return KeyValues.from_text(base64.b64decode(case["text_b64"]), case["name"])
    return KeyValues.from_json(case["text"], case["name"])


def test_golden_cases(shared):
    cases = json.loads((shared / "golden" / "config_parse.json").read_text(encoding="utf-8"))["cases"]
    cases = [case for case in cases if case["kind"] in ("cfg_file", "json_content") and case["text"]]
    assert len(cases) >= 20
    for case in cases:
        if case["ret"]:
            with pytest.raises(SdkFault) as caught:
                parse(case)
            assert caught.value.code == case["ret"], case["name"]
            continue
        values = parse(case)
        assert values.texts == case["raw"], case["name"]
        for entry in case["reads"]:
            assert read(values, entry) == (entry["ret"], entry["value"]), (case["name"], entry)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0.25f", (0, 0.25), id="junk behind a number is ignored"),
        pytest.param("\t.5\r", (0, 0.5), id="tab and carriage return beside the value are harmless"),
        pytest.param("0,5", (0, 0.0), id="a decimal comma cuts the number"),
        pytest.param("5", (0, 1.0), id="beyond the maximum is clamped"),
        pytest.param("-1", (0, 0.0), id="below the minimum is clamped"),
        pytest.param('"0.5"', (1004, float32(0.45)), id="quotes are unreadable"),
        pytest.param("nan", (1004, float32(0.45)), id="nan is unreadable"),
        pytest.param("inf", (1004, float32(0.45)), id="inf is unreadable"),
        pytest.param("1e400", (1004, float32(0.45)), id="beyond double is unreadable"),
        pytest.param("1e39", (1004, float32(0.45)), id="beyond float32 is unreadable"),
        pytest.param("1e", (1004, float32(0.45)), id="an exponent without digits is unreadable"),
        pytest.param("1e-1", (0, float32(0.1)), id="an exponent"),
    ],
)
def test_numbers(text, expected):
    values = KeyValues({"IOU_THRESH": text}, "cfg")
    assert values.number("IOU_THRESH", 0.45, 0.0, 1.0) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("10,13,16", (0, [10, 13, 16]), id="plain"),
        pytest.param("10, 13, 16", (0, [10]), id="cut at the first blank"),
        pytest.param(",10,,13,", (0, [10, 13]), id="empty items are skipped"),
        pytest.param("10,x,16", (1004, []), id="one bad item empties the list"),
        pytest.param("", (1004, []), id="empty"),
    ],
)
def test_lists(text, expected):
    assert KeyValues({"BIASES": text}, "cfg").numbers("BIASES") == expected


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SdkFault, match=r"no post-process config file .*none\.cfg") as caught:
        KeyValues.from_file(tmp_path / "none.cfg")
    assert caught.value.code == 1016


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(SdkFault, match="cannot read") as caught:
        KeyValues.from_file(tmp_path)
    assert caught.value.code == 1019


def test_lines_too_long_and_too_many():
    assert KeyValues.from_text(b"A=" + b"x" * (MAX_LINE_LENGTH - 3), "cfg").texts["A"]
    with pytest.raises(SdkFault, match="line 2"):
        KeyValues.from_text(b"A=1\nB=" + b"x" * MAX_LINE_LENGTH, "cfg")
    assert KeyValues.from_text(b"\n" * 100_000, "cfg").texts == {}
    with pytest.raises(SdkFault, match="line 100001"):
        KeyValues.from_text(b"\n" * 100_001, "cfg")
