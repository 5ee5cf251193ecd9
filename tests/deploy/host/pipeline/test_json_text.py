"""JSON with lines: as strict as the SDK's parser, and every position right."""

import json

import pytest

from deploy.host.pipeline.json_text import MAX_DEPTH, JsonFault, parse_json


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": [1, -2.5e3, true, false, null, "x"], "b": {}}', id="all kinds"),
        pytest.param('"\\u4e2d\\ud83d\\ude00\\n\\"\\/"', id="escapes"),
        pytest.param(" \r\n\t[ ] ", id="blanks around"),
        pytest.param('{"安全帽": "é"}', id="UTF-8"),
        pytest.param("-0", id="minus zero"),
        pytest.param("1" * 399, id="a long number"),
    ],
)
def test_reads_what_json_reads(text):
    assert parse_json(text).plain() == json.loads(text)
    assert parse_json(text.encode()).plain() == json.loads(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("", 1, 1, id="empty"),
        pytest.param('{\n  "a": 1,\n}', 3, 1, id="a trailing comma"),
        pytest.param('{\r\n  "a" 1}', 2, 7, id="no colon, Windows line ends"),
        pytest.param("[1,\n 2 3]", 2, 4, id="no comma"),
        pytest.param("{'a': 1}", 1, 2, id="single quotes"),
        pytest.param('["\n"]', 1, 2, id="a line end in a string"),
        pytest.param('["\\x"]', 1, 2, id="an unknown escape"),
        pytest.param('["\\ud800"]', 1, 2, id="half a surrogate pair"),
        pytest.param("[01]", 1, 3, id="a leading zero"),
        pytest.param("[1e999]", 1, 2, id="beyond a double"),
        pytest.param("[" + "9" * 5000 + "]", 1, 2, id="far beyond a double"),
        pytest.param("[NaN]", 1, 2, id="not a number"),
        pytest.param("{} {}", 1, 4, id="two values"),
        pytest.param("[" * 100_000, 1, MAX_DEPTH + 2, id="nested beyond reason"),
        pytest.param(b'{"\xc3\xa9": 1,\n "\xff": 2}', 2, 3, id="not UTF-8"),
    ],
)
def test_faults_have_a_place(text, line, column):
    with pytest.raises(JsonFault) as caught:
        parse_json(text)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines(end):
    text = end.join(['{"a": {', '  "中": "x",', "", '  "b": [1,', "  2]},", '"c": "\\n", "d":', "{}", "}"])
    document = parse_json(text)
    a, c, d = document.members
    assert [(m.key, m.line, m.node.line) for m in (a, c, d)] == [("a", 1, 1), ("c", 6, 6), ("d", 6, 7)]
    inner = a.node.last()
    assert {key: member.line for key, member in inner.items()} == {"中": 2, "b": 4}
    assert [item.line for item in inner["b"].node.items] == [4, 5]


def test_a_byte_order_mark_is_skipped():
    assert parse_json(b"\xef\xbb\xbf[1]").plain() == [1]


def test_equal_keys():
    document = parse_json('{"a": 1,\n"b": 2,\n"a": 3,\n"a": 4}')
    assert [(early.line, late.line) for early, late in document.repeated()] == [(1, 3), (3, 4)]
    assert document.plain() == {"a": 4, "b": 2}
