"""The code of docs/python.md in Jupyter: results are tables, progress and nothing worse stands below the cell."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from compress.cli import main

nbformat = pytest.importorskip("nbformat", reason="no Jupyter here: pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="no Jupyter here: pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="no Jupyter here: pip install nbclient ipykernel")

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
# what a reader looks at by its name, after the paragraph that made it, and a word of its table
SHOWN = ({"dense": "mAP@0.5", "sparse": "mAP@0.5:0.95", "small": "parameters"}, {"tuned": "F1"}, {"result": "mAP@0.5"})


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What stands below each cell, by its code, after the page has run in a kernel on a tiny data set."""
    folder = tmp_path_factory.mktemp("notebook")
    assert main(["data", "codes", f"--out={folder / 'VOCdevkit'}", "--images=14", "--size=96x96"]) == 0
    assert main(["data", "voc2yolo", f"--voc={folder / 'VOCdevkit'}", f"--out={folder / 'dataset'}"]) == 0
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    short, count = re.subn(r"^epochs, imgsz = .*$", "epochs, imgsz = 2, 64", code, flags=re.MULTILINE)
    assert count == 1
    imports, *paragraphs = short.strip().split("\n\n")
    cells = [imports]
    for paragraph, names in zip(paragraphs, SHOWN, strict=True):
        cells += [paragraph, *names]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("OMP_NUM_THREADS", "1")
        client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
        client.execute()
    return {cell["source"]: cell["outputs"] for cell in notebook["cells"]}


@pytest.mark.parametrize(("name", "word"), [pair for names in SHOWN for pair in names.items()])
def test_a_result_is_a_table(outputs: dict[str, list[Any]], name: str, word: str) -> None:
    (shown,) = outputs[name]
    html = shown["data"]["text/html"]
    assert html.count("<table>") == html.count("</table>") >= 1 and "<td>" in html and word in html


def test_progress_is_readable(outputs: dict[str, list[Any]]) -> None:
    """A bar that moves, then a line an epoch once the carriage returns are obeyed; no warnings of libraries."""
    (training,) = (found for code, found in outputs.items() if "api.train" in code)
    text = "".join(piece["text"] for piece in training if piece.get("name") == "stderr")
    assert re.search(r"train 1/2:.*%.*\r", text), "a bar"
    lines = [obeyed(line).strip() for line in text.split("\n")]
    assert [line.split("  ")[0] for line in lines if line] == ["train 1/2", "train 2/2", "sparsify 1/2", "sparsify 2/2"]


def obeyed(line: str) -> str:
    """What remains of a line that was written over itself."""
    seen = ""
    for part in line.split("\r"):
        seen = part + seen[len(part) :]
    return seen
