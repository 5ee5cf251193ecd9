"""`compress lint` on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from compress.cli import main
from tests.compress.lint import wrong

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "decoded.onnx"
    onnx.save(wrong.decoded(), file)
    return file


def test_the_demo_bundle_has_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(DEMO), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["schema_version"], result["errors"], result["warnings"]) == (1, 0, 0)
    assert set(result["findings"][0]) == {"rule", "severity", "place", "sentence", "remedy", "fixable"}


def test_errors_are_told_and_fixed(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(model)]) == 4
    streams = capsys.readouterr()
    assert "error: heads-decoded: " in streams.out and "1 error" in streams.err
    out = tmp_path / "new" / "fixed.onnx"
    assert main(["lint", str(model), "--fix", "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["errors"] == 0 and result["difference"] == 0 and len(result["fixed"]) == 1
    assert len(onnx.load(out).graph.output) == 3
    assert main(["lint", str(out)]) == 0


def test_images_are_run(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), np.full((40, 60, 3), 255, np.uint8))
    onnx.save(wrong.scale_weights(wrong.sound(size=(64, 96)), 1e4), model)
    assert main(["lint", str(model), "--images", str(folder)]) == 4
    assert "error: fp16-range: Conv 'conv_" in capsys.readouterr().out
    (folder / "a.jpg").unlink()
    assert main(["lint", str(model), "--images", str(folder)]) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["--fix"], 2, "--fix and --out go together", id="no place for the fix"),
        pytest.param(["--out", "o.onnx"], 2, "--fix and --out go together", id="a place, but no fix"),
        pytest.param(["--fix", "--out", "o.om"], 2, "expected a file that ends in .onnx", id="no ONNX"),
        pytest.param(["--fix", "--out", "decoded.onnx"], 2, "the very file", id="onto itself"),
        pytest.param(["--cann", "3"], 2, "--cann '3'", id="no version"),
        pytest.param(["--soc", "310P3"], 2, "did you mean 'Ascend310P3'?", id="no chip"),
    ],
)
def test_wrong_arguments(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int,
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(model.parent)
    assert main(["lint", model.name, *arguments]) == code
    assert sentence in capsys.readouterr().err
    assert [file.name for file in model.parent.iterdir()] == [model.name]


def test_a_bundles_model_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = Path(shutil.copytree(DEMO, tmp_path / "b"))
    assert main(["lint", str(bundle), "--fix", "--out", str(bundle / "model.onnx")]) == 2
    assert "the very file" in capsys.readouterr().err
