"""The table of boards is made from files that strangers send in."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import DataError
from deploy.run.machine import Machine

ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("boards", ROOT / "benchmarks/boards.py")
assert _spec and _spec.loader
boards = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(boards)

PAGE = "before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n"


def speed(**changes: Any) -> dict[str, Any]:
    machine = Machine("Ascend310B4", "7.0.0", "", "Orange Pi | AIpro", "aarch64", 4, "3.9.2").to_json()
    return {
        "schema_version": 1,
        "images": 200,
        "failed_images": 0,
        "images_per_second": 50.25,
        "latency_ms": {"p50": 20.0, "p90": 21.0, "p99": 25.0},
        "stages_ms": {"decode": 5.0, "infer": 8.125},
        "on": "acl",
        "machine": machine,
        "model": {
            "file": "model.om",
            "sha256": "cd" * 32,
            "onnx_sha256": "ab" * 32,
            "architecture": "yolov5",
            "imgsz": [320, 320],
        },
        **changes,
    }


def test_the_page_is_up_to_date() -> None:
    boards.update(ROOT / "docs/boards", check=True)


def test_rows(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(PAGE)
    (tmp_path / "a.json").write_text(json.dumps(speed()))
    pushed = {"run": {"verb": "speed", "timings": {"host": None, "board": speed(images_per_second=70, stages_ms={})}}}
    pushed["run"]["timings"]["board"].update(on="board")
    pushed["run"]["timings"]["board"]["machine"]["sdk"] = "5.0.0"
    (tmp_path / "b.json").write_text(json.dumps(pushed))
    with pytest.raises(DataError, match="not up to date"):
        boards.update(tmp_path, check=True)
    boards.update(tmp_path)
    before, first, _, *rows, after = (tmp_path / "README.md").read_text().replace("<!-- table -->\n", "").splitlines()
    assert (before, after) == ("before", "after") and "old" not in rows and first.startswith("| chip |")
    assert rows[0].startswith(
        "| Ascend310B4 | Orange Pi \\| AIpro | 7.0.0 | MindX SDK 5.0.0 | yolov5 320x320 abababab | 70.0"
    )
    assert rows[1].endswith("| acl | yolov5 320x320 abababab | 50.2 | 20.00 | 5.00 |  | 8.12 |  | a |")
    boards.update(tmp_path, check=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("junk", "expected the output of", id="no JSON"),
        pytest.param("[" * 100_000, "expected the output of", id="JSON without end"),
        pytest.param('{"run": {"verb": "detect", "timings": {}}}', "expected the output of", id="push of another verb"),
        pytest.param(json.dumps(speed(on="host")), "measured on the CPU", id="a laptop"),
        pytest.param(json.dumps(speed(machine={})), "no chip that it names", id="no chip"),
        pytest.param(json.dumps(speed(on="moon")), "no chip that it names", id="on something unknown"),
        pytest.param(json.dumps(speed(images_per_second=-1)), "expected the output of", id="an impossible number"),
    ],
)
def test_what_is_no_measurement(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "README.md").write_text(PAGE)
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=words):
        boards.update(tmp_path)
    assert (tmp_path / "README.md").read_text() == PAGE


def test_a_page_without_marks(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(DataError, match="around the table"):
        boards.update(tmp_path)
