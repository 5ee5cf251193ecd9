"""The commands of the documents: both languages have the same, and each runs here or is marked with what it needs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.cli import main as compress_main
from compress.cli import parser as compress_parser
from compress.commands.derive import settings_of
from compress.nets.yolov5 import Yolov5
from deploy.atc.cli import main as build_main
from deploy.cli import _parser as deploy_parser
from deploy.cli import main as deploy_main
from tests.compress.nets.test_foreign import Disguise

ROOT = Path(__file__).resolve().parents[2]
# Pages whose blocks run, in this order, in one folder: what a block writes, later ones read. Marked blocks do not run.
RUN = ("README.md", "docs/tasks.md", "docs/scripts.md", "docs/board.md", "docs/boards/README.md", "CONTRIBUTING.md")
APART = {"docs/benchmarks.md"}  # hours of training on data of its own; its lines are only parsed
TWO_LANGUAGES = ("README", "docs/tasks", "docs/board", "docs/python", "docs/families")
# What a block may be marked with, and what shows that it really needs that.
NEEDS = {
    "board": r"@192\.168|@ADDRESS|USER@HOST|dev usb0|/set_env\.sh|\.run |date -u -s|ssh-keygen|--on acl",
    "atc": r"build\.sh",
    "camera": r"rtsp://",
    "docker": r"docker run",
    "network": r"pip install|run\.sh (demo|test)",
}


@dataclass(frozen=True)
class Row:
    """A replacement in a command, so that it is quick or has what its reader is to fill in."""

    pattern: str
    replacement: str
    reason: str


SET, IMAGES = "VOCdevkit/VOC2007/ImageSets/Main/test.txt", "VOCdevkit/VOC2007/JPEGImages"
ROWS = (
    Row(r"--epochs 30\b", "--epochs 1", "thirty epochs take minutes"),
    Row(r"--imgsz 320\b", "--imgsz 64", "a 25th of the pixels"),
    Row(
        r"(sparsify|finetune|iterate) --data",
        r"\1 --workers 0 --data",
        "the first training of all loads its images in a process of its own",
    ),
    Row(r"--rounds 3\b", "--rounds 1 --epochs 1 --sparse-epochs 1 --align 8", "a round is a chain of three trainings"),
    Row(r"--candidates 200\b", "--candidates 2 --bn-batches 1", "each candidate is scored on images"),
    Row(
        "sensitivity bundle",
        "sensitivity bundle --keep '/model.[1-48]/*'",
        "each layer is tried alone and with others; a few of the network are enough",
    ),
    Row(r"--calib VOCdevkit\b", "--calib VOCdevkit --count 4", "each calibration image runs through the pipeline"),
    Row(r"benchmarks/recipes/(\S+)", r"short-\1", "the recipe as it is, but for its epochs and size"),
    Row(r"\bIMAGE_SET IMAGE_DIR\b", f"{SET} {IMAGES}", "the reader's own"),
    Row(r"\bVOCDEVKIT\b", "VOCdevkit", "the reader's own"),
    Row(r"\bFILE\.\.\.", "bundle/eval.pipeline bundle/eval.cfg", "the reader's own"),
    Row(r"\bSCRIPT \[ARGUMENTS\]", f"script.py {IMAGES}", "the reader's own"),
)
# in the style of the SDK's samples
SCRIPT = """
import os, sys
image = os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[0])
with open(image, "rb") as file:
    jpeg = file.read()
os.chdir("bundle")  # a pipeline's paths are relative to the current folder
from StreamManagerApi import MxDataInput, StreamManagerApi
manager = StreamManagerApi()
assert manager.InitManager() == 0
assert manager.CreateMultipleStreams(open("detect.pipeline", "rb").read()) == 0
data = MxDataInput()
data.data = jpeg
assert manager.SendData(b"detection", 0, data) == 0
result = manager.GetResult(b"detection", 0)
assert result.errorCode == 0, result.data
manager.DestroyAllStreams()
"""


@dataclass(frozen=True)
class Block:
    page: str
    line: int  # of its first command, from 1 on
    need: str  # "" for a block that runs
    text: str

    def commands(self) -> list[str]:
        """Its lines without comments; a line that ends with a backslash goes on in the next."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^( *)```bash(?: needs=(\w+))?\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL):
        found.append(Block(page, text[: match.start(3)].count("\n") + 1, match[2] or "", match[3]))
    assert len(found) == len(re.findall(r"^ *```(?:bash|sh|shell|console)", text, re.MULTILINE)), page
    return found


def inline(page: str) -> list[str]:
    """Commands inside sentences."""
    text = (ROOT / page).read_text(encoding="utf-8")
    sentences = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(code.split()) for code in re.findall(r"`((?:bash|python3?) [^`]+)`", sentences)]


PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if re.search(r"```(?:bash|sh|console)|`bash (?:run|build)\.sh ", path.read_text(encoding="utf-8"))
)
ENGLISH = [page for page in PAGES if not page.endswith(".zh-CN.md")]


def test_every_page_is_run_or_named() -> None:
    assert {page for page in ENGLISH if blocks(page)} == {*RUN, *APART}


@pytest.mark.parametrize("page", TWO_LANGUAGES)
def test_both_languages_have_the_same_commands(page: str) -> None:
    english, chinese = (f"{page}.md", f"{page}.zh-CN.md")
    told = [
        [(block.need, [shlex.split(command, comments=True) for command in block.commands()]) for block in blocks(name)]
        for name in (english, chinese)
    ]
    assert told[0] == told[1]
    whole = [(ROOT / name).read_text(encoding="utf-8") for name in (english, chinese)]
    assert sorted(inline(english)) == sorted(inline(chinese))
    for pattern in (r"^```python\n.*?^```", r"^##(?= )"):
        assert len({tuple(re.findall(pattern, text, re.MULTILINE | re.DOTALL)) for text in whole}) == 1


@pytest.mark.parametrize("page", RUN)
def test_a_mark_is_deserved(page: str) -> None:
    for block in blocks(page):
        if block.need:
            assert re.search(NEEDS[block.need], block.text), f"{page}:{block.line} needs no {block.need}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_taken(page: str, tmp_path: Path) -> None:
    """By the parsers: also what only a board can run, and what stands inside a sentence."""
    verbs = (ROOT / "run.sh").read_text(encoding="utf-8")
    lines = [command for block in blocks(page) for command in block.commands()]
    for line in [*lines, *inline(page)]:
        words = shlex.split(line.partition(" > ")[0], comments=True)
        if words[:2] == ["bash", "build.sh"]:
            assert build_main([str(tmp_path / "none"), *words[3:]]) == 4, f"{line}: no such bundle, but known options"
        if words[:2] != ["bash", "run.sh"]:
            continue
        assert re.search(rf"^  (?:[\w-]+ \| )*{words[2]}(?: \| [\w-]+)*\)", verbs, re.MULTILINE), line
        only_named = words[2] == "compress" and len(words) < 5
        if only_named or {"VERB", "FILE...", "|"} & set(words) or words[2] in ("host", "demo", "test"):
            continue
        if words[2] == "compress":
            given = compress_parser().parse_args(words[3:])
            settings_of(given.verb, given)  # ranges, and options that exclude each other
        else:
            deploy_parser().parse_args(words[2:])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least_model: Callable[..., Yolov5]) -> Path:
    """The folder with run.sh as the documents have it, with a devkit, weights and a script of the reader's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare").mkdir()
    for name in ("models", "compute_mAP", "bare/models"):
        (tmp_path / name).symlink_to(ROOT / Path(name).name)
    assert compress_main(["data", "codes", "--out=VOCdevkit", "--images=24", "--size=128x128"]) == 0
    given = least_model(sorted(Path("VOCdevkit/codes.names").read_text(encoding="utf-8").split()))
    for predictor in given.head.m:  # everywhere a box, so that a search has something to score, but no confident one
        nn.init.zeros_(predictor.weight)
        nn.init.constant_(predictor.bias, -1)
    with pytest.MonkeyPatch.context() as patch:
        torch.save({"model": Disguise(patch)(given)}, "yolov5n.pt")
    for recipe in (ROOT / "benchmarks" / "recipes").glob("*.yaml"):
        text = re.sub(r"epochs: \d+", "epochs: 1", recipe.read_text(encoding="utf-8"))
        text = re.sub(r"imgsz: \d+", "imgsz: 64, workers: 0", text).replace(
            "benchmarks/recipes/bccd.names", "VOCdevkit/codes.names"
        )
        Path(f"short-{recipe.name}").write_text(text, encoding="utf-8")
    Path("script.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


@pytest.mark.long
def test_every_block_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """One after the other, as a reader types them; a command that an earlier page had is not repeated.

    A block that begins with "# here" promises to need nothing of the reader's, so it runs beside the models alone.
    """
    monkeypatch.setattr("deploy.run.speed.FEWEST", 10)  # images timed, where it is fifty
    done: set[tuple[Path | str, ...]] = set()
    used: set[Row] = set()
    faults = []
    for page in RUN:
        for block in blocks(page):
            for command in () if block.need else block.commands():
                short = command
                for row in ROWS:
                    replaced = re.sub(row.pattern, row.replacement, short)
                    used |= {row} if replaced != short else set()
                    short = replaced
                words = shlex.split(short, comments=True)
                place = folder / "bare" if block.text.startswith("# here") else folder
                if (place, *words) in done:
                    continue
                done.add((place, *words))
                capfd.readouterr()
                monkeypatch.chdir(place)
                try:
                    code = run(words)
                except SystemExit as ended:  # of a parser
                    code = ended.code
                if code:
                    faults.append(f"{page}:{block.line}: {short} ends with {code}: {capfd.readouterr().err[-600:]}")
                elif "--out" in words and not Path(words[words.index("--out") + 1]).exists():
                    faults.append(f"{page}:{block.line}: {short} leaves nothing at --out")
    assert not faults, "\n".join(faults)
    assert [row.pattern for row in ROWS if row not in used] == [], "replacements that no command needs any more"


def run(words: list[str]) -> int:
    """In this process, but for scripts: what they leave in it is not to be met by the next command."""
    if words[:3] == ["bash", "run.sh", "compress"]:
        return compress_main(words[3:])
    if words[:3] == ["bash", "run.sh", "host"]:
        return subprocess.run([sys.executable, str(ROOT / "deploy"), *words[2:]]).returncode
    if words[:2] == ["bash", "run.sh"]:
        return deploy_main(words[2:])
    assert words[0] == "python3", f"nobody here runs {words}: mark its block with what it needs"
    return subprocess.run([sys.executable, *words[1:]]).returncode
