"""Models from reports of users, through lint, pad and cost: each with what is to come of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from compress.cli import main


def reported(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("case", "rule", "sentence", "fixable"),
    [
        pytest.param("07/two_domains", "opset-import", "2 entries ('', 'ai.onnx.ml'); ATC takes one", True, id="07"),
        pytest.param("11/y5_effnms", "nms-in-graph", "plugin of another runtime", True, id="11"),
        pytest.param("13/model", "file", "the data of 'w0' should be in 'gone.data'", False, id="13"),
        pytest.param("22/grid_sampler", "operator-unknown", "unknown in opset 11", False, id="22"),
        pytest.param("23/half", "input-shape", "'images' of FLOAT16 [1, 3, 64, 64]", False, id="23"),
    ],
)
def test_lint_reports_it(
    shared: Path, capsys: pytest.CaptureFixture[str], case: str, rule: str, sentence: str, fixable: bool
) -> None:
    code, report = reported(["lint", str(shared / "cases" / f"case{case}.onnx")], capsys)
    found = next(finding for finding in report["findings"] if finding["rule"] == rule)
    assert code == 4 and report["errors"] > 0
    assert sentence in found["sentence"] and (found["severity"], found["fixable"]) == ("error", fixable)


@pytest.mark.parametrize("case", ["07/two_domains", "11/y5_effnms"])
def test_lint_mends_it(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    out = tmp_path / "fixed.onnx"
    path = shared / "cases" / f"case{case}.onnx"
    code, report = reported(["lint", str(path), "--fix", "--out", str(out)], capsys)
    assert code == 0 and report["errors"] == 0 and report["difference"] == 0
    fixed = onnx.load(out)
    assert [entry.domain for entry in fixed.opset_import] == [""] and len(fixed.graph.output) == 3


def test_what_cannot_be_mended_is_reported_all_the_same(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fixed.onnx"
    path = shared / "cases" / "case22" / "grid_sampler.onnx"
    code, report = reported(["lint", str(path), "--fix", "--out", str(out)], capsys)
    assert code == 4 and report["out"] is None and report["fixed"] == [] and not out.exists()
    assert "no raw heads lie before it" in report["not_fixed"][0]
    assert "grid_sampler 'grid_sampler_2'" in {finding["place"] for finding in report["findings"]}


@pytest.mark.parametrize("case", ["11/y5_effnms", "22/grid_sampler"])
def test_pad_goes_round_what_it_does_not_know(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    out = tmp_path / "padded.onnx"
    path = shared / "cases" / f"case{case}.onnx"
    assert main(["pad", str(path), "--multiple", "16", "--out", str(out)]) == 0
    assert "is no ONNX operator and does not run here: what it is given was compared" in capsys.readouterr().out
    assert {node.op_type for node in onnx.load(out).graph.node} >= {onnx.load(path).graph.node[-2].op_type}


def test_cost_folds_shapes(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = reported(["cost", str(shared / "cases" / "case12" / "chunk.onnx"), "--layers"], capsys)
    slices = [layer for layer in report["layers"] if layer["kind"] in ("slice", "split")]
    assert code == 0 and report["estimate_ms"]["low"] > 0
    assert slices and all(layer["size"] == [32, 32] for layer in slices)


def test_cost_names_a_missing_file(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", str(shared / "cases" / "case13" / "model.onnx")]) == 4
    assert "the data of 'w0' should be in 'gone.data', which does not exist" in capsys.readouterr().err
