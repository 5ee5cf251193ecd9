from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_mAP import reval_voc
from compute_mAP.voc_xml import Object

ROOT = Path(__file__).resolve().parents[2]
CAT = Object("cat", 1, 1, 10, 10, False)


@pytest.fixture
def devkit(make_devkit: Callable[..., Path], tmp_path: Path) -> Path:
    """A devkit with two cats in tmp_path, beside `txt` with one of them found and `names` with cat and cow."""
    (tmp_path / "txt").mkdir()
    (tmp_path / "txt" / "det_test_cat.txt").write_text("a 0.9 1 1 10 10\n", encoding="utf-8")
    (tmp_path / "names").write_text("cat\ncow\n", encoding="utf-8")
    return make_devkit({"a": [CAT], "b": [CAT]})


def _run(cwd: Path, *arguments: object, module: bool = False) -> subprocess.CompletedProcess[str]:
    program = ["-m", "compute_mAP.reval_voc"] if module else [str(ROOT / "compute_mAP" / "reval_voc.py")]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, *program, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_script_from_another_folder(devkit: Path, tmp_path: Path) -> None:
    run = _run(tmp_path, "txt", "--voc_dir", "VOCdevkit", "--classes", "names")
    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "mAP@0.5 (area) = 0.5000",
        "mAP@0.75 (area) = 0.5000",
        "mAP@0.5:0.95 (area) = 0.5000",
        "images = 2",
        "AP@0.5 for cat = 0.5000",
        "AP@0.5 for cow = n/a (no ground truth)",
    ]
    notes = run.stderr.splitlines()
    assert len(notes) == 2 and all(note.startswith("note: ") and "cow" in note for note in notes)


def test_module_and_json(devkit: Path, tmp_path: Path) -> None:
    options = ["--classes", tmp_path / "names", "--protocol", "voc07", "--json"]
    run = _run(ROOT, tmp_path / "txt", "--voc-dir", devkit, *options, module=True)
    assert run.returncode == 0
    found = json.loads(run.stdout)
    assert found["map50"] == pytest.approx(6 / 11)
    assert (found["schema_version"], found["protocol"], found["images"]) == (1, "voc07", 2)
    assert found["ap50"] == {"cat": pytest.approx(6 / 11), "cow": None}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["gone", "--voc_dir", "VOCdevkit"], 3, "error: the folder of detections gone does not exist"),
        (["txt", "--voc_dir", "gone"], 3, "error: the devkit gone does not exist"),
        (["txt", "--voc_dir", "VOCdevkit", "--protocol", "voc7"], 2, "invalid choice: 'voc7'"),
        (["txt"], 2, "--voc_dir"),
    ],
    ids=["no detections", "no devkit", "unknown protocol", "option missing"],
)
def test_exit_codes(devkit: Path, tmp_path: Path, arguments: list[str], code: int, sentence: str) -> None:
    run = _run(tmp_path, *arguments, "--classes", "names", "--json")
    assert (run.returncode, run.stdout) == (code, "")
    assert sentence in run.stderr and "Traceback" not in run.stderr


def _damage(tmp_path: Path, file: str, text: str | None) -> None:
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("VOCdevkit/VOC2007/Annotations/a.xml", None, "lists 'a', but there is no annotation"),
        ("VOCdevkit/VOC2007/Annotations/a.xml", "<annotation>", "malformed XML"),
        ("VOCdevkit/VOC2007/Annotations/a.xml", "<!DOCTYPE a><annotation/>", "holds a DOCTYPE"),
        ("VOCdevkit/VOC2007/ImageSets/Main/test.txt", "", "is empty"),
        ("VOCdevkit/VOC2007/ImageSets/Main/test.txt", "../a\n", "line 1: the image name '../a'"),
        ("VOCdevkit/VOC2007/ImageSets/Main/test.txt", None, "has no image set 'test'"),
        ("txt/det_test_cat.txt", "a 0.9 1 1 10\n", "det_test_cat.txt: line 1"),
        ("txt/det_test_cat.txt", "c 0.9 1 1 10 10\n", "in image 'c', which is not in the image set"),
        ("names", "cat\n\ncow\n", "names: line 2: the name of class 1 is blank"),
        ("names", "cow\n", "no ground truth of any class among cow; its annotations hold cat"),
    ],
)
def test_damage_is_one_sentence(
    devkit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, text: str | None, sentence: str
) -> None:
    _damage(tmp_path, file, text)
    arguments = [str(tmp_path / "txt"), "--voc_dir", str(devkit), "--classes", str(tmp_path / "names")]
    assert reval_voc.main(arguments) == 3
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith("error: ") and sentence in printed.err


def test_year_and_image_set(
    make_devkit: Callable[..., Path], devkit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_devkit({"a": [CAT]}, year="VOC2012", image_set="val")
    arguments = [str(tmp_path / "txt"), "--voc_dir", str(devkit), "--classes", str(tmp_path / "names")]
    for spelling in ("--image-set", "--image_set"):
        assert reval_voc.main([*arguments, "--year", "VOC2012", spelling, "val"]) == 0
        assert "mAP@0.5 (area) = 1.0000" in capsys.readouterr().out
    assert reval_voc.main([*arguments, "--year", "2012"]) == 0
    printed = capsys.readouterr()
    assert "mAP@0.5 (area) = 1.0000" in printed.out and "note: " in printed.err and "only one other, val" in printed.err


def test_classes_by_default_are_those_of_the_result_folder(
    devkit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path / "txt"), "--voc_dir", str(devkit)]
    assert reval_voc.main(arguments) == 0
    printed = capsys.readouterr()
    assert "cow" not in printed.out and "note: the classes are those that have a file in" in printed.err
    (tmp_path / "txt" / "det_test_cat.txt").unlink()
    assert reval_voc.main(arguments) == 3
    assert "to take the classes from; give --classes" in capsys.readouterr().err


def test_against_another_model(devkit: Path, tmp_path: Path) -> None:
    """Better on one of two images: a sample that draws the other one twice sees no difference."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "det_test_cat.txt").write_text("a 0.9 50 50 60 60\n", encoding="utf-8")
    options = ["txt", "--voc_dir", "VOCdevkit", "--classes", "names", "--against", "other", "--samples", "100"]
    run = _run(tmp_path, *options)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-3:] == [
        "more than other:",
        "mAP@0.5: +0.5000, 95 % interval +0.0000 to +1.0000 (not told apart)",
        "mAP@0.5:0.95: +0.5000, 95 % interval +0.0000 to +1.0000 (not told apart)",
    ]
    found = json.loads(_run(tmp_path, *options, "--json").stdout)["against"]
    assert found["map50_95"] == {"difference": 0.5, "low": 0.0, "high": 1.0} and found["samples"] == 100


def test_against_a_folder_that_is_not_there(devkit: Path, tmp_path: Path) -> None:
    run = _run(tmp_path, "txt", "--voc_dir", "VOCdevkit", "--classes", "names", "--against", "gone")
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr == "error: the folder of detections gone does not exist\n"


def test_a_data_set_of_other_classes_than_the_demo(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kit = shared / "cases/case25/kit"
    assert reval_voc.main([str(kit / "txt"), "--voc_dir", str(kit)]) == 0
    assert "AP@0.5 for cat = " in capsys.readouterr().out


def test_three_bndbox_in_one_object_are_three_objects(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = shared / "cases/case01"
    assert reval_voc.main([str(case / "txt"), "--voc_dir", str(case / "kit"), "--classes", str(case / "n.txt")]) == 0
    printed = capsys.readouterr()
    assert "AP@0.5 for car = 0.3333" in printed.out
    assert "p1.xml: object 1 (car): 3 <bndbox>, expected one" in printed.err
