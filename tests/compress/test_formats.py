"""What the code writes is what docs/formats.md and its JSON Schemas say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from compress.channels.flow import channel_flow
from compress.export.bundle import write_bundle
from compress.export.onnx_file import to_onnx
from compress.nets.checkpoint import read_header, save_checkpoint
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree
from compress.prune.choose import choose
from tests import schemas

ROOT = Path(__file__).resolve().parent.parent.parent
HISTORY = [{"stage": "train", "settings": {"epochs": 1}}]


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory, least_model: Callable[..., Yolov5]) -> dict[str, dict]:
    """One of each artefact, as JSON."""
    folder = tmp_path_factory.mktemp("artefacts")
    model = least_model()
    save_checkpoint(model, folder / "w.safetensors", HISTORY)
    plan = choose(model, channel_flow(model, torch.zeros(1, 3, 64, 64)), 0.3, 8)
    plan.save(folder / "plan.json")
    bundle = write_bundle(model, to_onnx(model, 64, np.zeros((1, 3, 64, 64), np.float32)), folder / "b", 64, HISTORY)
    return {
        "checkpoint": read_header(folder / "w.safetensors"),
        "plan": json.loads((folder / "plan.json").read_text()),
        "bundle": json.loads((bundle / "bundle.json").read_text()),
    }


@pytest.mark.parametrize("name", ["checkpoint", "plan", "bundle"])
def test_artefacts_keep_their_schema(artefacts: dict[str, dict], name: str) -> None:
    schemas.validate(artefacts[name], name)


@pytest.mark.parametrize("cfg", ["yolov8n", "yolo11n", "yolov5nu", "yolov8n-p6"])
def test_checkpoints_of_every_family_keep_the_schema(
    tiny_free: Callable[..., AnchorFree], tmp_path: Path, cfg: str
) -> None:
    save_checkpoint(tiny_free(cfg), tmp_path / "w.safetensors", HISTORY)
    schemas.validate(read_header(tmp_path / "w.safetensors"), "checkpoint")


@pytest.mark.parametrize("name", ["checkpoint", "plan", "bundle"])
def test_the_schema_knows_every_key(artefacts: dict[str, dict], name: str) -> None:
    for key in artefacts[name]:
        lacking = {k: v for k, v in artefacts[name].items() if k != key}
        with pytest.raises(jsonschema.ValidationError):
            schemas.validate(lacking, name)


@pytest.mark.parametrize("name", ["checkpoint", "plan", "bundle"])
def test_the_document_names_every_key(artefacts: dict[str, dict], name: str) -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert [key for key in artefacts[name] if f"`{key}`" not in text] == []


def test_the_shipped_demo_bundle_keeps_the_schema() -> None:
    shipped = json.loads((ROOT / "models" / "demo" / "bundle.json").read_text())
    schemas.validate(shipped, "bundle")
