"""The table of docs/boards, made from what people measured on their boards.

    python benchmarks/boards.py [--folder docs/boards] [--check]

Each .json there is the output of `run.sh speed --json` on a board, or the push.json of `push --run speed`. The table
goes between the two marks in README.md of that folder; with --check nothing is written, and a page that is not up to
date is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from deploy.board.results import read_speed  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.errors import DataError  # noqa: E402
from deploy.run.stage_times import STAGES  # noqa: E402
from deploy.run.stream import HOST  # noqa: E402
from deploy.whole_file import write_whole  # noqa: E402

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
NOTHING = "No file has been sent in yet, so nothing here has been measured on a chip.\n"
MOST_BYTES = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="boards.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "docs/boards", metavar="DIR")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")
    options = parser.parse_args()
    return exit_code(lambda: update(options.folder, options.check))


def update(folder: Path, check: bool = False) -> None:
    """Put the table into the page. Raises DataError for a file that is no measurement on a board, and for a page
    without the two marks; with `check` for one that is not up to date."""
    page = folder / "README.md"
    text = page.read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, other, after = rest.partition(END)
    if not mark or not other:
        raise DataError(f"{page}: expected the lines {BEGIN.strip()!r} and {END.strip()!r} around the table")
    fresh = before + BEGIN + table([read(file) for file in sorted(folder.glob("*.json"))]) + END + after
    if check and fresh != text:
        raise DataError(f"{page} is not up to date; python benchmarks/boards.py writes its table anew")
    if fresh != text:
        write_whole(page, fresh.encode("utf-8"))


def read(file: Path) -> dict[str, Any]:
    """The measurement in a file, with the file's name. Raises DataError for one that is none, or was not on a chip."""
    content = file.read_bytes()[: MOST_BYTES + 1]
    try:
        found = json.loads(content) if len(content) <= MOST_BYTES else None
        if isinstance(found, dict) and isinstance(found.get("run"), dict):
            found = found["run"]["timings"]["board"]
        speed = read_speed(json.dumps(found))
    except (ValueError, LookupError, TypeError, RecursionError, DataError):
        raise DataError(f"{file}: expected the output of `run.sh speed --json`, or push.json of a speed") from None
    if speed["on"] in ("", HOST) or not speed["machine"]["chip"]:
        raise DataError(
            f"{file}: it was measured {'on the CPU' if speed['on'] == HOST else 'on no chip that it names'}"
        )
    return {**speed, "name": file.stem}


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a row each, ordered by chip and then by images a second."""
    if not rows:
        return NOTHING
    titles = ["chip", "board", "CANN", "runs by", "model", "images/s", "p50 ms", *STAGES, "file"]
    lines = ["| " + " | ".join(titles) + " |", "|---|---|---|---|---|" + "---:|" * (2 + len(STAGES)) + "---|"]
    for row in sorted(rows, key=lambda row: (row["machine"]["chip"], -row["images_per_second"], row["name"])):
        machine, model = row["machine"], row["model"]
        size = "x".join(map(str, model["imgsz"])) if model["imgsz"] else ""
        same = model["onnx_sha256"] or model["sha256"]
        named = " ".join(filter(None, (model["architecture"], size, same[:8])))
        times = [f"{row['stages_ms'][stage]:.2f}" if stage in row["stages_ms"] else "" for stage in STAGES]
        runs = f"MindX SDK {machine['sdk']}".strip() if row["on"] == "board" else "acl"
        cells = [machine["chip"], machine["board"], machine["cann"], runs, named]
        numbers = [f"{row['images_per_second']:.1f}", f"{row['latency_ms']['p50']:.2f}", *times]
        lines.append("| " + " | ".join(_cell(text) for text in [*cells, *numbers, row["name"]]) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Without what would end the cell, or become more than text in the page."""
    return "".join(f"\\{sign}" if sign in "|<>[]`*_\\" else sign for sign in text)


if __name__ == "__main__":
    sys.exit(main())
