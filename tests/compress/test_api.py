"""The Python API: quick to import, and told by its signatures. test_notebook.py runs the page about it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compress import api
from compress.nets.checkpoint import save_checkpoint
from compress.nets.yolov5 import Yolov5
from compress.stages.prune_settings import PruneSettings
from deploy.errors import DataError, ModelError, UsageError

ROOT = Path(__file__).resolve().parents[2]


def test_importing_it_is_quick_and_loads_nothing_heavy() -> None:
    """Processor time of the import, the best of three: a busy machine makes the clock's time longer."""
    program = (
        "import sys, time\n"
        "began = time.process_time()\n"
        "import compress.api\n"
        "print(time.process_time() - began)\n"
        "print([name for name in ('torch', 'ultralytics', 'numpy', 'cv2', 'onnx', 'yaml') if name in sys.modules])\n"
    )
    seconds = []
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        taken, heavy = ended.stdout.splitlines()
        seconds.append(float(taken))
        assert heavy == "[]"
    assert min(seconds) < 0.3


def test_signatures_tell_the_options_and_their_defaults() -> None:
    signature = inspect.signature(api.prune)
    assert next(iter(signature.parameters)) == "weights" and "options" not in signature.parameters
    assert signature.parameters["align"].default == PruneSettings(weights="w").align
    assert signature.parameters["align"].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(inspect.signature(api.evaluate).parameters)[:2] == ["bundle", "devkit"]
    for name in api.__all__:
        assert inspect.getdoc(getattr(api, name))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        pytest.param(lambda: api.load("gone.safetensors"), ModelError, "gone.safetensors: no such file", id="no file"),
        pytest.param(lambda: api.load("a.onnx"), ModelError, "expected a checkpoint", id="no checkpoint"),
        pytest.param(lambda: api.prune("w", percnt=0.5), UsageError, "(did you mean 'percent'?)", id="misspelt"),
        pytest.param(
            lambda: api.train("gone.yaml", cfg="yolov5n"), DataError, "gone.yaml does not exist", id="no data"
        ),
        pytest.param(lambda: api.train("d", epochs=0), UsageError, "--epochs is 0, expected 1", id="out of range"),
        pytest.param(lambda: api.sparsify("w", "d", epochs="3"), UsageError, "--epochs is '3', expected", id="a text"),
        pytest.param(lambda: api.export("w"), UsageError, "neither --out nor --stock is given", id="nothing to write"),
        pytest.param(lambda: api.evaluate("gone", "kit"), DataError, "kit", id="no devkit"),
        pytest.param(lambda: api.finetune(7, "d"), UsageError, "--weights is 7, expected", id="no model"),
    ],
)
def test_errors(call: Callable[[], Any], error: type, sentence: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        call()
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_pruned_in_memory_and_exported(tmp_path: Path, least_model: Callable[..., Yolov5]) -> None:
    save_checkpoint(least_model(), tmp_path / "w.safetensors", [{"stage": "train"}])
    dense = api.load(tmp_path / "w.safetensors")
    small = api.prune(dense, percent=0.3, align=2)
    done = api.export(small.model, tmp_path / "bundle", imgsz=96)
    assert done.bundle == tmp_path / "bundle" and (done.bundle / "model.onnx").is_file()
    assert done.onnx_difference is not None and done.onnx_difference < 1e-4
    assert small.model is not None and small.model.imgsz == 64, "the model given stays as it is"
    assert "bundle" in done._repr_html_()
