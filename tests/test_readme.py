"""The commands of README, in both languages, are ones that the programs take, and the files and sections exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from compress.cli import parser as compress_parser
from deploy.cli import _parser as deploy_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "README.zh-CN.md"]
RUN_SH = (ROOT / "run.sh").read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    """Lines of code blocks, and pieces of inline code, that call one of the scripts."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [code.replace("\n", " ") for code in re.findall(r"`((?:bash|python)[^`]+)`", text)]
    return [line for line in lines if re.match(r"bash (run|build)\.sh ", line)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_taken(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = commands(page)
    assert len(found) >= 20
    for line in found:
        words = shlex.split(line, comments=True)[1:]
        if words[0] == "build.sh":
            continue
        verb = words[1]
        assert re.search(rf"^  ({verb}|.*\| {verb}|{verb} \|.*)(\)| \|)", RUN_SH, re.MULTILINE), line
        if "VERB" in words or "FILE..." in words or verb in ("host", "demo", "test"):
            continue
        if verb == "compress":
            compress_parser().parse_args(words[2:])
        else:
            deploy_parser().parse_args(words[1:])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("page", PAGES)
def test_the_way_to_a_detector_hands_each_file_on(page: str) -> None:
    """What a stage reads, an earlier one has written; only the devkit and the .pt are the reader's."""
    ready = {"VOCdevkit", "yolov5n.pt"}
    stages = [line for line in commands(page) if re.search(r"run.sh (compress \w+ .*dataset|compress (prune|export)|eval VOC)", line)]  # fmt: skip  # noqa: E501
    assert len(stages) == 8
    for line in stages:
        words = shlex.split(line, comments=True)
        options = dict(zip(words, words[1:]))
        needed = {options[o] for o in ("--voc", "--data", "--weights", "--model") if o in options}
        assert needed <= ready, line
        if "--name" in options:
            ready.add(f"runs/{options['--name']}/weights/best.safetensors")
        if "--out" in options:
            ready |= {options["--out"], f"{options['--out']}/data.yaml"}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_something(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        if "://" not in target:
            file, _, heading = target.partition("#")
            assert (ROOT / file).exists(), target
            assert not heading or heading in headings(file or page), target


def headings(page: str) -> set[str]:
    """Those of the second level, as a link names them."""
    found = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


def test_both_languages_give_the_same_commands() -> None:
    english, chinese = (
        [shlex.split(line, comments=True) for line in commands(page) if "`" not in line] for page in PAGES
    )
    assert english == chinese
