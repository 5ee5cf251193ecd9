"""The loopback board without the MindX SDK, with acl, numpy and OpenCV: push runs the host engine on its chip."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from deploy.board.facts import Chip, Facts, Package
from deploy.board.findings import FAULT, OK, WARNING, Finding, judge
from deploy.board.remote import probe
from tests.deploy import stand_in_atc

Call = Callable[..., tuple[int, str, str]]
SITE = Path(cv2.__file__).parents[1]
STAND_IN = Path(__file__).parents[1] / "stand_in_acl.py"
ASK = "import sys, numpy, cv2, onnxruntime"
FACTS = Facts.from_answer({})
KITS = {"toolkits": (Package("/a/set_env.sh", "7.0.0", ("7.0.0", "8.0.0")),), "env": ("/a/set_env.sh",)}


@pytest.fixture(scope="module")
def system_python(bare_board: Any) -> None:
    """The system's python3, where our numpy, cv2 and onnxruntime fit it; else the tests are skipped."""
    environment = {"PYTHONPATH": str(SITE), "PATH": "/usr/bin:/bin"}
    if subprocess.run(["python3", "-c", ASK], env=environment, capture_output=True, user=bare_board.user).returncode:
        pytest.skip("the system's python3 cannot use the numpy, cv2 and onnxruntime of these tests")


@pytest.fixture
def acl_board(system_python: None, board: Any) -> Any:
    """The board, a 310B4 now, with CANN alone; its python3 has our numpy and cv2."""
    shutil.rmtree(board.home / "MindX_SDK")
    toolkit = board.home / "Ascend/ascend-toolkit"
    shutil.copy(STAND_IN, toolkit / "acl.py")
    (toolkit / "set_env.sh").write_text(f"export PYTHONPATH={toolkit}:{SITE}\nexport ACL_STAND_IN='{{}}'\n")
    smi = board.home / "bin/npu-smi"
    smi.write_text(smi.read_text().replace("310       |", "310B4     |"))
    board.give()
    return board


@pytest.fixture
def om_bundle(tiny_bundle: Callable[..., Path]) -> Path:
    folder = tiny_bundle()
    stand_in_atc.convert(folder / "model.onnx", folder / "model.om", folder / "aipp.cfg")
    description = folder / "bundle.json"
    description.write_text(description.read_text().replace("_version=Ascend310", "_version=Ascend310B4"))
    return folder


@pytest.fixture
def photos(tmp_path: Path, blob_jpeg: Callable[..., bytes]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, blobs in (("a", [(1, 1, 0), (4, 4, 1)]), ("b", [(5, 2, 2)])):
        (folder / f"{name}.jpg").write_bytes(blob_jpeg(blobs))
    return folder


def test_push_runs_and_compares(acl_board: Any, call: Call, om_bundle: Path, photos: Path) -> None:
    code, out, err = call("push", "--bundle", om_bundle, "--run", "detect", photos, "--json")
    assert code == 0, err
    assert "the board has CANN and no MindX SDK" in err and "board: note: on acl" in err and "stand-in" not in err
    first = json.loads(out)
    boxes = first["run"]["boxes"]
    assert (boxes["board"], boxes["matched"], boxes["differing"]) == (3, 3, 0)
    assert {"check": "SDK", "level": "ok"}.items() <= next(f for f in first["findings"] if f["check"] == "SDK").items()
    code, out, err = call("push", "--bundle", om_bundle, "--run", "speed", photos, "--no-compare", "--json")
    assert code == 0, err
    speed = json.loads(out)["run"]["timings"]["board"]
    assert speed["images_per_second"] > 0 and speed["on"] == "acl" and speed["stages_ms"]["infer"] > 0
    assert (speed["machine"]["chip"], speed["machine"]["cann"], speed["machine"]["sdk"]) == ("Ascend310B4", "5.0.4", "")
    assert speed["model"]["sha256"] == hashlib.sha256((om_bundle / "model.om").read_bytes()).hexdigest()


def test_doctor_tells_what_kind_of_board_it_is(acl_board: Any, call: Call, om_bundle: Path) -> None:
    code, out, err = call("doctor", "--bundle", om_bundle)
    assert code == 0, err
    assert "none; CANN alone: acl imports and has Ascend310B4" in out and "ok      chip    Ascend310B4" in out


def facts(**changes: Any) -> Facts:
    """Those of a board with CANN alone, but for the changes."""
    modules = {"StreamManagerApi": "none", "numpy": "", "cv2": "", "acl": "", **changes.pop("modules", {})}
    base = {
        "devices": {"/dev/davinci0": True},
        "python": (3, 9, 2),
        "python_path": "/usr/bin/python3",
        "soc": "Ascend310B4",
    }
    return replace(FACTS, **{**base, "modules": modules, **changes})


@pytest.mark.parametrize(
    ("changes", "check", "level", "words"),
    [
        pytest.param({}, "SDK", OK, "models run with --on acl", id="CANN alone does"),
        pytest.param({}, "CANN", OK, "acl imports as it is", id="no set_env.sh is needed then"),
        pytest.param({}, "chip", OK, "Ascend310B4", id="the chip's name without npu-smi"),
        pytest.param({"devices": {}}, "chip", FAULT, "no device /dev/davinci0", id="no chip"),
        pytest.param({"soc": "junk"}, "chip", WARNING, "its name is unknown", id="a name that is none"),
        pytest.param({"model": "Orange Pi AIpro"}, "chip", OK, "Orange Pi AIpro", id="the board's name"),
        pytest.param({"modules": {"cv2": "No module"}}, "SDK", FAULT, "needs cv2 too: No module", id="no cv2"),
        pytest.param({"modules": {"cv2": "x"}, "venv": True}, "SDK", FAULT, "virtual environment", id="a venv"),
        pytest.param({"modules": {"acl": "x"}, "venv": True}, "SDK", FAULT, "virtual environment", id="acl too"),
        pytest.param({"modules": {"acl": "libascendcl.so"}}, "SDK", FAULT, "libascendcl.so", id="acl does not import"),
        pytest.param({"soc": ""}, "SDK", FAULT, "finds no chip", id="acl without a chip"),
        pytest.param({"program": "/usr/local/miniconda3/bin/python3"}, "Python", OK, "AYS_PYTHON=/usr", id="another"),
        pytest.param({**KITS}, "CANN", OK, "7.0.0, /a/set_env.sh; beside it 8.0.0, which --env", id="a newer CANN"),
        pytest.param({"atc": "/atc", "python": (3, 12, 1)}, "ATC", WARNING, "newer than the 3.10", id="a new Python"),
        pytest.param({"atc": "/atc", "numpy_version": "2.1.0"}, "ATC", WARNING, "numpy below 2", id="a new numpy"),
        pytest.param({"atc": "/atc", "numpy_version": "1.26.4"}, "ATC", OK, "/atc", id="an ATC that runs"),
    ],
)  # fmt: skip
def test_findings(changes: dict[str, Any], check: str, level: str, words: str) -> None:
    found = [finding for finding in judge(facts(**changes), None) if finding.check == check]
    assert [finding.level for finding in found] == [level]
    assert words in found[0].found + found[0].remedy


def test_acl_knows_the_chip_better_than_npu_smi() -> None:
    found = [
        entry for entry in judge(facts(chips=(Chip("310B1", "OK"),)), None, "Ascend310B4") if entry.check == "chip"
    ]
    assert [entry.level for entry in found] == [WARNING, OK]
    assert "acl calls the chip Ascend310B4, npu-smi 310B1" in found[0].found


def test_an_interpreter_that_runs_models_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of the image, where a shell without a login has another python3 on its PATH."""
    able = {"acl": "", "numpy": "", "cv2": "", "soc": "Ascend310B4", "StreamManagerApi": "none"}
    answers = {"python3": {**able, "cv2": "none"}, str(tmp_path / "python3"): able, "mine": {}}
    (tmp_path / "python3").write_text("")
    (tmp_path / "python3").chmod(0o755)
    monkeypatch.setattr(probe, "PYTHONS", ("python3", "/none/python3", str(tmp_path / "python3")))
    monkeypatch.setattr(probe, "_ask_python", lambda files, python: dict(answers[python]))
    assert probe._ask_pythons([], None)["program"] == str(tmp_path / "python3")
    assert "program" not in probe._ask_pythons([], "mine")
    answers["python3"] = {"StreamManagerApi": ""}
    assert "program" not in probe._ask_pythons([], None)


def test_doctor_compares_the_om_with_the_chip(acl_board: Any, call: Call, om_bundle: Path) -> None:
    """By what build.sh recorded with the OM; the ATC command may be of a later call that failed."""
    description = json.loads((om_bundle / "bundle.json").read_text())
    description["history"] = [{"stage": "build", "settings": {"soc": "Ascend310B1", "cann": "7.0.0"}}]
    (om_bundle / "bundle.json").write_text(json.dumps(description))
    code, out, _ = call("doctor", "--bundle", om_bundle)
    assert code == 5 and "Ascend310B4, but the model was converted for Ascend310B1" in out


def test_an_om_for_another_chip_is_a_fault() -> None:
    remedy = "convert it again: bash build.sh BUNDLE --soc Ascend310B4"
    found = "Ascend310B4, but the model was converted for Ascend310B1"
    assert Finding("chip", FAULT, found, remedy) in judge(facts(), None, soc="Ascend310B1")
