"""The `.pt` for ultralytics: the package loads it, validates, predicts and exports, where ours cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from compress.channels.flow import ChannelFlow
from compress.export.stock import write_stock
from compress.nets.foreign import import_pt
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree
from compress.prune import surgery
from compress.prune.choose import choose
from compress.stages.export import ExportSettings
from deploy.errors import ModelError, UsageError

STOCK = """
import importlib.abc, json, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("compress", "deploy", "compute_mAP"):
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Block())
import numpy as np, onnxruntime, torch
from ultralytics import YOLO
torch.set_num_threads(1)
answers = {}
for file in sys.argv[2:]:
    yolo = YOLO(file)
    image = np.load("image.npy")
    with torch.no_grad():
        raw = yolo.model.eval()(torch.from_numpy(image))[1]
    found = yolo.predict("image.jpg", imgsz=64, conf=0.001, verbose=False)[0]
    exported = yolo.export(format="onnx", imgsz=64, simplify=False, opset=11, verbose=False)
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    # export fuses its own copy: compare with what the loaded model decodes
    with torch.no_grad():
        decoded = yolo.model.eval()(torch.from_numpy(image))[0].numpy()
    answer = {
        "onnx": float(np.abs(session.run(None, {"images": image})[0] - decoded).max() / np.abs(decoded).max()),
        "names": list(found.names.values()),
        "boxes": len(found.boxes),
        "parameters": sum(p.numel() for p in yolo.model.parameters()),
    }
    raw = raw.get("one2one", raw)
    np.savez(file + ".npz", boxes=raw["boxes"].numpy(), scores=raw["scores"].numpy())
    if sys.argv[1]:
        metrics = YOLO(file).val(data=sys.argv[1], imgsz=64, plots=False, verbose=False, workers=0, batch=4)
        answer["map50"] = float(metrics.box.map50)
    answers[file] = answer
print("ANSWERS " + json.dumps(answers))
"""
CFGS = {
    "tiny.pt": "yolov3-tiny",  # as ultralytics describes it, with bins
    "mixed.pt": "mixed",  # a block of each family, a head of two branches without bins
}


def stock_process(folder: Path, data: str, files: list[str]) -> dict[str, Any]:
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH",)},
        "YOLO_CONFIG_DIR": str(folder),
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "OMP_NUM_THREADS": "1",
    }
    (folder / "stock.py").write_text(STOCK)
    done = subprocess.run(
        [sys.executable, "-I", "stock.py", data, *files],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.split("ANSWERS ")[1])


@pytest.mark.long
def test_stock_package_loads_validates_predicts_and_exports(
    tiny_free: Callable[..., AnchorFree],
    free_flow: Callable[..., ChannelFlow],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
) -> None:
    dense = {file: tiny_free(cfg) for file, cfg in CFGS.items()}
    flows = {file: free_flow(cfg) for file, cfg in CFGS.items()}
    plans = {file: choose(model, flows[file], 0.4, 1) for file, model in dense.items()}
    models = {file: surgery.cut(dense[file], flows[file], plan) for file, plan in plans.items()}
    for file, model in models.items():
        write_stock(model, tmp_path / file, [{"stage": "prune"}])
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    np.save(tmp_path / "image.npy", image.numpy())
    cv2.imwrite(str(tmp_path / "image.jpg"), (image[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8))
    data = tiny_data(counts=(2, 2, 2))
    text = data.read_text()
    data.write_text(f"path: {data.parent}\n{text}")
    answers = stock_process(tmp_path, str(data), list(models))
    for file, model in models.items():
        with torch.no_grad():
            raw = model.double().deployed()(image.double())
        stored = np.load(tmp_path / f"{file}.npz")
        for branch, outputs in (("boxes", raw[0::2]), ("scores", raw[1::2])):
            expected = torch.cat([o.flatten(2) for o in outputs], 2).numpy()
            assert np.abs(stored[branch] - expected).max() <= 1e-4 * np.abs(expected).max(), (file, branch)
        answer = answers[file]
        assert answer["names"] == ["a", "b", "c"] and answer["onnx"] < 1e-4 and 0 <= answer["map50"] <= 1
        assert answer["parameters"] == sum(p.numel() for p in model.parameters())
        assert answer["parameters"] < 0.75 * sum(p.numel() for p in dense[file].parameters())


def test_file_comes_back_pruned(
    tiny_free: Callable[..., AnchorFree], free_flow: Callable[..., ChannelFlow], tmp_path: Path
) -> None:
    dense, flow = tiny_free("yolov8n"), free_flow("yolov8n")
    model = surgery.cut(dense, flow, choose(dense, flow, 0.5, 1))
    write_stock(model, tmp_path / "deep" / "small.pt", [])
    found = import_pt(tmp_path / "deep" / "small.pt")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(model(image), found(image), strict=True))
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["small.pt"]


def test_nothing_of_ours_is_in_the_file(tiny_free: Callable[..., AnchorFree], tmp_path: Path) -> None:
    write_stock(tiny_free("yolo11n"), tmp_path / "small.pt", [{"stage": "train"}])
    pickled = (tmp_path / "small.pt").read_bytes()
    assert b"compress" not in pickled.replace(b"compression", b"") and b"ccompress" not in pickled


def test_refusals(tiny_model: Callable[..., Yolov5], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="yolov5 with anchors has a head that the ultralytics package does not know"):
        write_stock(tiny_model(), tmp_path / "x.pt", [])
    with pytest.raises(UsageError, match=r"expected a file that ends in \.pt"):
        ExportSettings(weights="w", stock=str(tmp_path / "x.onnx"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["yolov3-tiny.pt", "yolov5n.pt", "my_yolov5s6.pt"])
def test_names_that_ultralytics_takes_for_others(
    name: str, tiny_free: Callable[..., AnchorFree], tmp_path: Path
) -> None:
    """It would look for its own model of that name, in the folder and then in the network."""
    with pytest.raises(UsageError, match=f"look for {name.removesuffix('.pt')}u.pt instead; give it another name"):
        write_stock(tiny_free("yolo11n"), tmp_path / name, [])
    assert not list(tmp_path.iterdir())
