"""`compress pad` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from compress.cli import main

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "models" / "demo" / "model.onnx"


def test_a_file_is_written_and_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "padded.onnx"
    assert main(["pad", str(DEMO), "--multiple", "16", "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["schema_version"], result["model"], result["multiple"]) == (1, str(out), 16)
    assert result["difference"] <= 1e-5 and result["changed"]
    assert {entry["count"] for entry in result["left"]} == {3, 24}
    written = onnx.load(out)
    assert {entry.key: entry.value for entry in written.metadata_props} == {
        entry.key: entry.value for entry in onnx.load(DEMO).metadata_props
    }
    assert main(["pad", str(DEMO), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "left: /model.0/conv/Conv has 3 inputs: they are the model's input" in text
    assert "both models agree within" in text
    assert [file.name for file in out.parent.iterdir()] == ["padded.onnx"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["gone.onnx", "--out", "o.onnx"], 4, "gone.onnx cannot be read", id="no such model"),
        pytest.param(["text.onnx", "--out", "o.onnx"], 4, "text.onnx is not a valid ONNX model", id="no model"),
        pytest.param(["empty.onnx", "--out", "o.onnx"], 4, "empty.onnx is not a valid ONNX model", id="an empty file"),
        pytest.param([str(DEMO), "--out", "o.om"], 2, "expected a file that ends in .onnx", id="another kind of file"),
        pytest.param([str(DEMO), "--out", str(DEMO)], 2, "the very file", id="onto itself"),
        pytest.param([str(DEMO), "--out", "o.onnx", "--multiple", "1"], 2, "--multiple is 1", id="no multiple"),
    ],
)
def test_what_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.onnx").write_text("no model")
    Path("empty.onnx").touch()
    assert main(["pad", *arguments]) == code
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error
    assert sorted(file.name for file in tmp_path.iterdir()) == ["empty.onnx", "text.onnx"]
