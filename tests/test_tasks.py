"""docs/tasks.md: both languages have the same commands, all are taken, and those that need no data of yours run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from compress.cli import main as compress_main
from compress.cli import parser as compress_parser
from compress.commands.derive import settings_of
from deploy.cli import _parser as deploy_parser
from deploy.cli import main as deploy_main

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, CHINESE = (
    re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for name in ("tasks.md", "tasks.zh-CN.md")
)
LINES = [(block.startswith("# here"), line) for block in ENGLISH for line in block.splitlines() if line[0] != "#"]
HERE = [line for here, line in LINES if here]
OTHERS = [line for here, line in LINES if not here]


def test_both_languages_have_the_same_blocks() -> None:
    assert ENGLISH == CHINESE and len(HERE) >= 6 and len(OTHERS) >= 12
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("tasks.md", "tasks.zh-CN.md")]
    assert len({page.count("\n## ") for page in pages}) == 1


@pytest.mark.parametrize("line", OTHERS)
def test_a_command_that_needs_data_is_taken(line: str) -> None:
    words = shlex.split(line)[2:]
    if words[0] == "compress":
        given = compress_parser().parse_args(words[1:])
        settings_of(given.verb, given)  # ranges, and options that exclude each other
    else:
        deploy_parser().parse_args(words)


@pytest.mark.parametrize("line", HERE)
def test_a_command_that_needs_none_runs(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)[2:]
    assert (compress_main(words[1:]) if words[0] == "compress" else deploy_main(words)) == 0
    if "--out" in words:
        assert (tmp_path / words[words.index("--out") + 1]).exists()
