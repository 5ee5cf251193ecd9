"""Config files and contents, read case by case; the vendor's own vectors are in test_golden_config_parse.py."""

import pytest

from deploy.postprocess.key_values import MAX_LINE_LENGTH, KeyValues, float32
from deploy.sdk_codes import SdkFault


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


def test_lines_of_keys():
    values = KeyValues.from_text(b"\nA=1\n# A=2\nB=3\r\nA=4\n", "cfg")
    assert values.lines == {"A": 2, "B": 4}
    assert values.repeated == [("A", 5)]


def test_a_content_nested_beyond_reason():
    with pytest.raises(SdkFault, match="not JSON") as caught:
        KeyValues.from_json('{"A":' + "[" * 100_000, "content")
    assert caught.value.code == 1004


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("4294967296", (1004, 7), id="beyond uint32"),
        pytest.param("9" * 5000, (1004, 7), id="far beyond uint32"),
        pytest.param("0" * 5000 + "5", (0, 5), id="leading zeros"),
        pytest.param("0", (0, 0), id="zero"),
        pytest.param("-1", (0, 1000), id="wraps around, then clamped"),
        pytest.param("-", (1004, 7), id="no digits"),
    ],
)
def test_whole_numbers(text, expected):
    assert KeyValues({"CLASS_NUM": text}, "cfg").uint32("CLASS_NUM", 7, 0, 1000) == expected
