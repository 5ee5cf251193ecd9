"""The documents name files, rooms and names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
CHANGES = ARCHITECTURE.partition("## To change this, open that\n")[2].partition("\n## ")[0]
ROWS = [row.strip("|").split("|") for row in re.findall(r"^\|.*\|$", CHANGES, re.MULTILINE)[2:]]
TEN = {
    *("a resize type", "a YOLO family", "the rounding to 8", "a score", "an ATC error's remedy"),
    *("the line format of `txt_result`", "an AIPP input format", "a lint rule", "a sparsity rule", "a new verb"),
}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOPS = ("compress", "deploy", "compute_mAP", "tests", "benchmarks")
# a path of the tree with a slash; documents also speak of a user's files, which begin otherwise
OURS = re.compile(r"`((?:compress|deploy|compute_mAP|tests|benchmarks|docs|models|pipeline)/[\w./-]*\w/?)`")


def test_the_ten_changes_are_all_there() -> None:
    assert {row[0].strip() for row in ROWS} >= TEN


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_to_change_this_open_that(row: list[str]) -> None:
    assert OURS.search(row[1]), "a row names a file to open"
    for cell in row[1:]:
        for path, name in re.findall(r"`([\w/]+\.py)`(?: \(`(\w+)`\))?", cell):
            text = (ROOT / path).read_text(encoding="utf-8")
            if name:
                assert re.search(rf"^(?:def |class )?{name}\b", text, re.MULTILINE), f"{path} does not define {name}"


@pytest.mark.parametrize("package", ["compress", "deploy", "deploy/host"])
def test_every_room_is_described(package: str) -> None:
    section = ARCHITECTURE.partition(f"**{package}**")[2].partition("\n**")[0].partition("\n## ")[0]
    described = set(re.findall(r"`(\w+)/`", "".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE))))
    rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert described | ({"commands"} if package == "compress" else set()) == rooms


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tree = {path.relative_to(ROOT).as_posix() for top in TOPS for path in (ROOT / top).rglob("*.py")}
    gone = [
        name for name in re.findall(r"`([\w/]*\w\.py)`", text) if not any(f"/{p}".endswith(f"/{name}") for p in tree)
    ]
    gone += [path for path in re.findall(r"tests/[\w/]+\.py", text) if not (ROOT / path).exists()]
    gone += [path for path in OURS.findall(text) if not (ROOT / path).exists()]
    links = [target.partition("#")[0] for target in re.findall(r"\]\(([^)#:]+(?:#[^)]*)?)\)", text)]
    gone += [link for link in links if not (page.parent / link).exists()]
    assert gone == []
