"""The code of docs/python.md in Jupyter: results are tables, progress and nothing worse stands below the cell."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from compress.cli import main
from tests.compress import hub

nbformat = pytest.importorskip("nbformat", reason="no Jupyter here: pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="no Jupyter here: pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="no Jupyter here: pip install nbclient ipykernel")

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
# what a reader looks at by its name, after the paragraph that made it, and a word of its table
SHOWN = ({"dense": "mAP@0.5", "sparse": "mAP@0.5:0.95", "small": "parameters"}, {"tuned": "F1"}, {"result": "mAP@0.5"})
ASKED = """import json
told = {"maps": [result.map50, result.map50_95], "ap50": sorted(result.ap50), "names": sorted(dense.model.names)}
print(json.dumps({**told, "history": [entry["stage"] for entry in api.load("small.safetensors").history]}))"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What stands below each cell, by its code, after the page has run in a kernel with the data set and the
    architecture that it says, but smaller, and for two epochs."""
    folder = tmp_path_factory.mktemp("notebook")
    drawn, split = re.findall(r"`bash run.sh compress (data [^`]+)`", PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*drawn.split(), "--images=14", "--size=96x96"]) == 0
        assert main(split.split()) == 0
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(code.strip().splitlines()) <= 16
    short, count = re.subn(r"^epochs, imgsz = .*$", "epochs, imgsz = 2, 64", code, flags=re.MULTILINE)
    short, smaller = re.subn(r'\bcfg="yolov5n"', 'cfg="least.yaml"', short)
    assert count == smaller == 1
    architecture = {**hub.v5(**hub.least()), "width_multiple": 0.125}
    (folder / "least.yaml").write_text(yaml.safe_dump(architecture), encoding="utf-8")
    imports, *paragraphs = short.strip().split("\n\n")
    cells = [imports]
    for paragraph, names in zip(paragraphs, SHOWN, strict=True):
        cells += [paragraph, *names]
    cells.append(ASKED)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("OMP_NUM_THREADS", "1")
        client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
        client.execute()
    assert (folder / "txt_result").is_dir()
    return {cell["source"]: cell["outputs"] for cell in notebook["cells"]}


@pytest.mark.parametrize(("name", "word"), [pair for names in SHOWN for pair in names.items()])
def test_a_result_is_a_table(outputs: dict[str, list[Any]], name: str, word: str) -> None:
    (shown,) = outputs[name]
    html = shown["data"]["text/html"]
    assert html.count("<table>") == html.count("</table>") >= 1 and "<td>" in html and word in html


def printed(found: list[Any]) -> list[str]:
    return "".join(piece["text"] for piece in found if piece.get("name") == "stdout").splitlines()


def test_the_page_runs(outputs: dict[str, list[Any]]) -> None:
    told = json.loads(printed(outputs[ASKED])[0])
    map50, map50_95 = told["maps"]
    assert 0 <= map50_95 <= map50 <= 1
    assert told["ap50"] == told["names"]
    assert told["history"] == ["train", "sparsify", "prune"]
    lines = [line for cell, found in outputs.items() if cell != ASKED for line in printed(found)]
    assert len(lines) == 3, "the page's own prints, and nothing else on stdout"


def test_progress_is_readable(outputs: dict[str, list[Any]]) -> None:
    """A bar that moves, a line an epoch and one a run when carriage returns are obeyed; no warnings of libraries."""
    (training,) = (found for code, found in outputs.items() if "api.train" in code)
    text = "".join(piece["text"] for piece in training if piece.get("name") == "stderr")
    assert re.search(r"train 1/2:.*%.*\r", text), "a bar"
    lines = [obeyed(line).strip() for line in text.split("\n")]
    begun = [line.split("  ")[0].split(": ")[0] for line in lines if line]
    assert begun == [f"{stage}{end}" for stage in ("train", "sparsify") for end in (" 1/2", " 2/2", "")]


def obeyed(line: str) -> str:
    """What remains of a line that was written over itself."""
    seen = ""
    for part in line.split("\r"):
        seen = part + seen[len(part) :]
    return seen
