"""No name steers a terminal, and no terminal ends a command by what it lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compute_mAP.terminal import escaped

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain äöü 中文\u3000😀\ttab\n", "plain äöü 中文\u3000😀\ttab\n", id="plain"),
        pytest.param("\x1b[31mred", "\\u001b[31mred", id="a colour"),
        pytest.param("a\x1b]52;c;ZXZpbA==\x07", "a\\u001b]52;c;ZXZpbA==\\u0007", id="the clipboard"),
        pytest.param("a\x9b2Jb\x7f", "a\\u009b2Jb\\u007f", id="the second set of controls"),
        pytest.param("a\u202eb\u2066c", "a\\u202eb\\u2066c", id="turned writing"),
        pytest.param("a\rb\x08c", "a\\u000db\\u0008c", id="overwriting"),
        pytest.param("\r  50 % \r", "\r  50 % \r", id="our own progress"),
        pytest.param("\r\r", "\r\r", id="carriage returns alone"),
        pytest.param("a\udcffb", "a\\udcffb", id="a byte of a path that is not UTF-8"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


PRINT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from compute_mAP.terminal import plain_output
with plain_output():
    print(json.dumps("中😀é\\x9b\\udcff", ensure_ascii=False))
    print("中", file=sys.stderr)
print("after")
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8", "ascii:strict", "cp437"])
def test_any_encoding_and_json_stays_json(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PRINT, str(ROOT)], capture_output=True, env=environment, check=True)
    lines = done.stdout.decode(encoding.split(":")[0]).splitlines()
    assert json.loads(lines[0]) == "中😀é\x9b\udcff" and lines[1] == "after"
    assert done.stderr.strip() and b"Traceback" not in done.stderr
