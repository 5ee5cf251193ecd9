"""The files around a pipeline."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.host.check.surroundings import Surroundings

MODEL = Path(__file__).resolve().parents[4] / "models" / "demo" / "model.onnx"


def test_each_model_has_its_own_graph_which_is_read_once(tmp_path: Path) -> None:
    around = Surroundings(tmp_path)
    shutil.copy(MODEL, tmp_path / "one.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    found = around.graph("one.om")
    assert found is not None and around.graph("broken.om") is None and around.graph("missing.om") is None
    assert Surroundings(tmp_path, graphs=around.graphs).graph("one.om") is found
