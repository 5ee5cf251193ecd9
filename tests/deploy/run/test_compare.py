"""`eval --compare`: both numerics and the cost of each stage."""

import json

import pytest

from compute_mAP.report import Report
from deploy.cli import main
from deploy.run import compare as module
from tests import schemas

STAGES = ["colour", "letterbox", "half"]


@pytest.fixture
def devkit(tmp_path, tiny_bundle, blob_jpeg, monkeypatch):
    monkeypatch.chdir(tmp_path)
    year = tmp_path / "VOCdevkit/VOC2007"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (year / name).mkdir(parents=True)
    blobs = {"a": [(1, 2, 0), (5, 5, 1)], "b": [(3, 3, 2)]}
    for name, found in blobs.items():
        (year / f"JPEGImages/{name}.jpg").write_bytes(blob_jpeg(found))
        objects = "".join(
            f"<object><name>{('red', 'green', 'blue')[c]}</name><difficult>0</difficult><bndbox><xmin>{16 * x}</xmin>"
            f"<ymin>{16 * y}</ymin><xmax>{16 * x + 16}</xmax><ymax>{16 * y + 16}</ymax></bndbox></object>"
            for x, y, c in found
        )
        (year / f"Annotations/{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    (year / "ImageSets/Main/test.txt").write_text("a\nb\n")
    return tiny_bundle()


def compared(bundle, *options):
    return main(["eval", "VOCdevkit", "--model", str(bundle), "--compare", *options])


def test_both_numerics_and_the_stages(devkit, tmp_path, capsys):
    assert compared(devkit, "--json") == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    schemas.validate(found, "comparison")
    assert (found["board"]["map50"], found["float"]["map50"]) == (1.0, 1.0)
    assert list(found["stages"]) == STAGES
    for values in found["stages"].values():
        assert values == {"map50": 0, "map75": 0, "map50_95": pytest.approx(0, abs=0.2)}
    assert (tmp_path / "txt_result/det_test_red.txt").read_text().startswith("a ")
    assert "comparing numerics: half" in shown.err


def report(value):
    return Report("area", value, value, value / 2, 7, 0, {})


def test_text(tmp_path):
    stages = {name: dict.fromkeys(module.MEANS, 0.001) for name in STAGES}
    lines = module.Comparison(report(0.8), report(0.81), stages, tmp_path).to_text().splitlines()
    assert lines[0] == "float numerics: mAP@0.5 = 0.8100, mAP@0.5:0.95 = 0.4050 (area)"
    assert lines[1] == "board numerics: mAP@0.5 = 0.8000, mAP@0.5:0.95 = 0.4000 (area)"
    assert lines[2].startswith("board minus float: -0.0100, -0.0050")
    assert [line[:18] for line in lines[3:6]] == ["  +0.0010, +0.0010"] * 3
    assert lines[6].startswith("images = 7")


def test_each_stage_is_switched_alone(devkit, monkeypatch):
    """The runs and their differences, with made-up scores in place of real ones."""
    runs = []

    def evaluate(target, *_):
        runs.append(target.numerics)
        return type("Evaluated", (), {"report": report(float(2 ** len(runs)))})()

    monkeypatch.setattr(module, "evaluate", evaluate)
    found = module.compare(module.Target(devkit), devkit, None, None, "area", devkit)
    board, plain, exact, colour, letterbox, half = runs
    assert (board, plain) == ("board", "float")
    assert [(n.colour, n.letterbox, n.half) for n in (exact, colour, letterbox, half)] == [
        (False, "exact", False),
        (True, "once", False),
        (False, "twice", False),
        (False, "once", True),
    ]
    assert [found.stages[name]["map50"] for name in STAGES] == [16 - 4, 32 - 8, 64 - 4]


def test_numerics_of_ones_own_are_refused(devkit, capsys):
    assert compared(devkit, "--numerics", "float") == 2
    assert "leave --numerics out" in capsys.readouterr().err
