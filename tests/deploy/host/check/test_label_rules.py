"""What the check finds in a label file."""

import pytest

from deploy.host.check.label_rules import label_findings


@pytest.mark.parametrize("data", [b"cat\ndog\n", b"cat\r\ndog", "安全帽\ntraffic light\n".encode()])
def test_nothing_to_find(data):
    assert list(label_findings(data)) == []


@pytest.mark.parametrize(
    ("data", "line", "severity", "sentence"),
    [
        pytest.param(b"", 0, "error", "no class name", id="empty"),
        pytest.param(b"# cat\n", 0, "error", "no class name", id="comments only"),
        pytest.param(b"# head\ncat\n", 1, "note", "skips this comment", id="a comment on top"),
        pytest.param(b"a#b\ncat\n", 1, "warning", "second character is #", id="a name that is skipped"),
        pytest.param(b"cat\n#dog\n", 2, "note", "name of class 1", id="a comment further down"),
        pytest.param(b"cat\n\ndog\n", 2, "warning", "class 1 a blank name", id="a blank line"),
        pytest.param(b"cat\r\n\r\ndog\r\n", 2, "warning", "carriage returns", id="a Windows blank line"),
        pytest.param(b"cat \n", 1, "warning", "blanks beside", id="a blank behind"),
        pytest.param(b"\tcat\n", 1, "warning", "blanks beside", id="a tab before"),
        pytest.param(b"cat\ndog\ncat\n", 3, "warning", "class in line 1", id="a name twice"),
        pytest.param(b"c\x07at\n", 1, "warning", "control character", id="a bell"),
        pytest.param(b"\xef\xbb\xbfcat\n", 1, "error", "byte order mark", id="byte order mark"),
        pytest.param(b"cat\n\xb0\xb2\n", 2, "error", "0xb0 is not UTF-8", id="GBK"),
    ],
)
def test_findings(data, line, severity, sentence):
    found = list(label_findings(data))
    assert [(one.line, one.severity) for one in found] == [(line, severity)] or sentence == "no class name"
    assert [(one.line, one.severity) for one in found if sentence in one.sentence] == [(line, severity)]
