"""A page about two small models: a run with its bundle, a pruned bundle, a devkit, and detections with known faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from compress.export.bundle import write_bundle
from compress.export.onnx_file import to_onnx
from compress.graph.proof_images import proof_images
from compress.nets.checkpoint import save_checkpoint
from compress.prune import surgery
from compress.search.journal import Entry, Journal
from compress.stages.report import ReportSettings, report
from compress.train.gamma_log import row_of
from deploy.hashes import file_sha256

NAMES = ["a", "b", "c"]
EPOCHS = 3
IMAGES = 6
_OBJECT = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


@pytest.fixture(scope="session")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of 96 x 80 pixels, each with one object of a and one of b at the same places."""
    root = tmp_path_factory.mktemp("devkit") / "VOCdevkit"
    year = root / "VOC2007"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (year / part).mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(IMAGES):
        image = random.integers(0, 90, (80, 96, 3), dtype=np.uint8)
        image[10:40, 10:40], image[40:70, 50:90] = (40, 40, 230), (40, 230, 40)
        cv2.imwrite(str(year / "JPEGImages" / f"i{number}.jpg"), image)
        objects = _OBJECT.format("a", 11, 11, 40, 40) + _OBJECT.format("b", 51, 41, 90, 70)
        text = f"<annotation><size><width>96</width><height>80</height></size>{objects}</annotation>"
        (year / "Annotations" / f"i{number}.xml").write_text(text, encoding="utf-8")
    listed = "".join(f"i{number}\n" for number in range(IMAGES))
    (year / "ImageSets" / "Main" / "test.txt").write_text(listed, encoding="utf-8")
    return root


def write_detections(folder: Path, misses: int) -> Path:
    """Every object at its place; in the first `misses` images b is not found, but a c that is not there."""
    folder.mkdir(parents=True)
    lines: dict[str, list[str]] = {name: [] for name in NAMES}
    for number in range(IMAGES):
        lines["a"].append(f"i{number} 0.9 11 11 40 40")
        if number < misses:
            lines["c"].append(f"i{number} 0.8 2 2 8 8")
        else:
            lines["b"].append(f"i{number} {0.9 - 0.02 * number} 51 41 90 70")
    for name, rows in lines.items():
        (folder / f"det_test_{name}.txt").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def beyond_half(model: Any) -> None:
    """Let the first layer's values be beyond half precision, in which the ladder is to break; the next one divides."""
    with torch.no_grad():
        model.model[0].bn.weight *= 1e6
        model.model[0].bn.bias *= 1e6
        model.model[1].conv.weight /= 1e6


@pytest.fixture(scope="session")
def material(
    tmp_path_factory: pytest.TempPathFactory, least_model: Callable[..., Any], least_flow: Any, random_plan: Any
) -> Path:
    """runs/sparse (a run), dense/bundle of it with dense/txt_result, pruned/bundle with pruned/txt_result, search with
    three candidates, and int8, a sensitivity."""
    root = tmp_path_factory.mktemp("material")
    run = root / "runs" / "sparse"
    model = least_model(NAMES)
    beyond_half(model)
    score = {"epoch": EPOCHS, "map50": 0.7, "map50_95": 0.4, "f1": 0.6}
    trained = [{"stage": "sparsify", "settings": {"epochs": EPOCHS}, "val": score}]
    best = run / "weights" / "best.safetensors"
    best.parent.mkdir(parents=True)
    save_checkpoint(model, best, trained)
    generator = torch.Generator().manual_seed(0)
    with (run / "results.jsonl").open("w") as results, (run / "gammas.jsonl").open("w") as gammas:
        for epoch in range(1, EPOCHS + 1):
            row = {"epoch": epoch, "box": 1 / epoch, "map50": epoch / 10, "map50_95": epoch / 20, "f1": epoch / 10}
            results.write(json.dumps({**row, "near_zero_gammas": 0.1 * epoch, "sr": 0.01, "seconds": 1.0}) + "\n")
            layers = {name: torch.rand(64, generator=generator) / epoch for name in ("first", "second")}
            gammas.write(json.dumps(row_of(epoch, layers)) + "\n")
    images = proof_images(None, 64)
    history = [*trained, {"stage": "export", "settings": {}, "sha256": file_sha256(best)}]
    write_bundle(model, to_onnx(model, 64, images), root / "dense" / "bundle", 64, history)
    slim = surgery.cut(model, least_flow, random_plan(least_flow, 0))
    history = [*trained, {"stage": "prune", "settings": {"percent": 0.5}}, {"stage": "export", "settings": {}}]
    write_bundle(slim, to_onnx(slim, 64, images), root / "pruned" / "bundle", 64, history)
    write_detections(root / "dense" / "txt_result", 0)
    write_detections(root / "pruned" / "txt_result", 2)
    save_checkpoint(slim, root / "search" / "best.safetensors", [{"stage": "search"}])
    journal = Journal(root / "search" / "journal.jsonl", {"budget": "flops"}, False)
    for number, (cost, score) in enumerate([(1e9, 0.2), (2e9, 0.5), (3e9, 0.4)]):
        journal.add(Entry(number, 0, {}, cost / 4e9, cost, score, score / 2, 1.0))
    costs = [{"snr_db": snr, "cosine": 0.99, "lost": 0.1} for snr in (12.0, 30.0)]
    rows = [{"layer": f"/model.{i}/Conv", "macs": 9, "alone": cost, "together": cost} for i, cost in enumerate(costs)]
    (root / "int8").mkdir()
    table = {"schema_version": 1, "kind": "sensitivity", "method": "mse", "layers": rows}
    (root / "int8" / "sensitivity.json").write_text(json.dumps(table))
    return root


@dataclass(frozen=True)
class Made:
    """The page about all of it, what --json says, and the file."""

    text: str
    answer: dict[str, Any]
    file: Path


@pytest.fixture(scope="session")
def made(material: Path, devkit: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("page")
    models = [f"{material}/dense/bundle", f"{material}/runs/sparse", f"slim <b>={material}/pruned/bundle"]
    sources = [*models, f"{material}/search", f"{material}/int8"]
    done = report(ReportSettings(sources=sources, devkit=devkit, out=out / "page.html", gif=out / "g.gif", ladder=2))
    with Image.open(out / "g.gif") as animation:
        assert animation.n_frames == EPOCHS
    return Made(done.page.read_text(encoding="utf-8"), json.loads(json.dumps(done.to_json())), done.page)
