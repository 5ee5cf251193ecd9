"""Label files, case by case; the vendor's own vectors are in test_golden_config_parse.py."""

import os

import pytest

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import numbered_labels, parse_labels, read_labels
from deploy.sdk_codes import SdkFault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cat\r\ndog\r\n", ["cat", "dog"], id="Windows line ends"),
        pytest.param("#\ncat\n", ["#", "cat"], id="a line that is exactly # is a label"),
        pytest.param(
            "# head\ncat\n# no comment any more\n", ["cat", "# no comment any more"], id="comments only on top"
        ),
        pytest.param("x #1\n", ["x #1"], id="# further behind is part of the name"),
        pytest.param("安全帽\n", ["安全帽"], id="UTF-8"),
    ],
)
def test_rules(text, expected):
    assert parse_labels(text) == expected


def test_faults_name_the_file(tmp_path):
    with pytest.raises(SdkFault, match=r"no label file .*none\.names") as caught:
        read_labels(tmp_path / "none.names")
    assert caught.value.code == 1016
    bad = tmp_path / "gbk.names"
    bad.write_bytes(b"cat\n" + "安全帽".encode("gbk"))
    with pytest.raises(SdkFault, match="line 2 is not UTF-8"):
        read_labels(bad)


def test_lines_of_labels():
    assert list(numbered_labels("# head\ncat\n\n# no comment\n")) == [(2, "cat"), (3, ""), (4, "# no comment")]


@pytest.mark.parametrize("read", [read_labels, KeyValues.from_file])
def test_pipes_devices_and_names_with_nul_are_refused_at_once(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, sentence in (("pipe", "not a regular file"), ("zero", "not a regular file"), ("a\0b", "NUL byte")):
        with pytest.raises(SdkFault, match=sentence):
            read(tmp_path / name)
