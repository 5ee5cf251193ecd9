"""Validation during training: known heads give known scores, and the score is the one the exported bundle gets."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from compress.data.data_yaml import load_data_yaml
from compress.data.labels import label_path, read_labels
from compress.export.bundle import write_bundle
from compress.export.onnx_file import to_onnx
from compress.graph.proof_images import proof_images
from compress.nets.yolov5 import Yolov5
from compress.val.validate import Validator
from compute_mAP.detections import Detections
from compute_mAP.voc_eval import evaluate
from deploy.errors import DataError
from deploy.run.flow import answers
from deploy.run.session import open_stream
from deploy.run.target import Target

NAMES = ["a", "b", "c"]
IMGSZ = 64
RATIO = IMGSZ / 96  # the images have 96 x 80 pixels and lie at the top left of the canvas


class Oracle(nn.Module):
    """Answers with raw heads that hold the given boxes, image by image in the order asked for.

    boxes: for each image rows of class, x0, y0, x1, y1 in pixels of the original image.
    """

    def deployed(self) -> Oracle:
        """What a board runs of it: all."""
        return self

    def __init__(self, like: Yolov5, boxes: list[list[tuple[float, ...]]]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.like, self.objects, self.seen = like, boxes, 0

    def boxes(self, *arguments: Any) -> np.ndarray:
        return self.like.boxes(*arguments)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        assert not self.training and x.shape[1:] == (3, IMGSZ, IMGSZ) and x.min() >= 0 and x.max() <= 1
        heads = [torch.full((len(x), 3, IMGSZ // s, IMGSZ // s, 5 + len(NAMES)), -20.0) for s in (8, 16, 32)]
        for image in range(len(x)):
            for kind, *corners in self.objects[self.seen + image]:
                self._put(heads[0][image], int(kind), [value * RATIO for value in corners])
        self.seen += len(x)
        return heads

    def _put(self, head: torch.Tensor, kind: int, corners: list[float]) -> None:
        """Into the finest head, at the first anchor that is free in the box's cell."""
        x0, y0, x1, y1 = corners
        cx, cy = (x0 + x1) / 16, (y0 + y1) / 16
        column, row = min(int(cx), 7), min(int(cy), 7)
        anchor = next(a for a in range(3) if head[a, row, column, 4] < 0)
        width, height = self.like.anchors_px()[0][anchor]
        values = ((cx - column + 0.5) / 2, (cy - row + 0.5) / 2)
        sides = (math.sqrt((x1 - x0) / width) / 2, math.sqrt((y1 - y0) / height) / 2)
        head[anchor, row, column, :4] = torch.tensor([math.log(v / (1 - v)) for v in (*values, *sides)])
        head[anchor, row, column, 4] = 10.0
        head[anchor, row, column, 5 + kind] = 10.0


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A data set whose val split has 18 images, more than a batch, with one object each; the last has none."""
    for part in ("images", "labels"):
        (tmp_path / "set" / part).mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(18):
        cv2.imwrite(str(tmp_path / "set" / "images" / f"{number:02}.jpg"), np.full((80, 96, 3), 99, np.uint8))
        x, y = random.integers(10, 50), random.integers(10, 40)
        row = f"{number % 3} {(x + 10) / 96} {(y + 12) / 80} {20 / 96} {24 / 80}\n"
        (tmp_path / "set" / "labels" / f"{number:02}.txt").write_text(row if number < 17 else "")
    file = tmp_path / "set" / "data.yaml"
    file.write_text("train: images\nval: images\nnames: [a, b, c]\n")
    return file


def truth(file: Path) -> list[list[tuple[float, ...]]]:
    boxes = []
    for image in load_data_yaml(file).images("val"):
        rows = read_labels(image, 3)
        low, high = (rows[:, 1:3] - rows[:, 3:] / 2) * (96, 80), (rows[:, 1:3] + rows[:, 3:] / 2) * (96, 80)
        boxes.append(np.column_stack((rows[:, 0], low, high)).tolist())
    return boxes


Boxes = list[list[tuple[float, ...]]]


def moved(boxes: Boxes, x: float) -> Boxes:
    return [[(kind, x0 + x, y0, x1 + x, y1) for kind, x0, y0, x1, y1 in rows] for rows in boxes]


@pytest.mark.parametrize(
    ("change", "map50", "map75"),
    [
        pytest.param(lambda b: b, 1, 1, id="every object found"),
        pytest.param(lambda b: moved(b, 4), 1, 0, id="a fifth beside it: an overlap of 2 in 3"),
        pytest.param(lambda b: moved(b, 12), 0, 0, id="more beside it than on it"),
        pytest.param(
            lambda b: [[((row[0] + 1) % 3, *row[1:]) for row in rows] for rows in b], 0, 0, id="other classes"
        ),
        pytest.param(lambda b: [rows[:1] * (i % 6 < 3) for i, rows in enumerate(b)], 0.5, 0.5, id="every second one"),
        pytest.param(lambda b: b[1:] + b[:1], 0, 0, id="in the wrong image"),
        pytest.param(lambda b: [[] for _ in b], 0, 0, id="nothing found"),
        pytest.param(lambda b: [*b[:-1], [(0, 2, 2, 30, 30)]], 0.999, 0.999, id="one false alarm, as sure as the rest"),
    ],
)
def test_known_heads(
    tiny_model: Callable[..., Yolov5], labelled: Path, change: Callable[[Boxes], Boxes], map50: float, map75: float
) -> None:
    validate = Validator(load_data_yaml(labelled), "val", IMGSZ)
    found = validate(Oracle(tiny_model(), change(truth(labelled))).train())
    assert found["map50"] == pytest.approx(map50, abs=0.06)
    assert found["map75"] == pytest.approx(map75, abs=0.06)
    assert found["map50_95"] <= found["map50"]
    assert list(found["ap50"]) == NAMES


def test_every_object_found_is_a_score_of_one(tiny_model: Callable[..., Yolov5], labelled: Path) -> None:
    """At every threshold up to an overlap of 0.95."""
    validate = Validator(load_data_yaml(labelled), "val", IMGSZ)
    found = validate(Oracle(tiny_model(), truth(labelled)))
    assert found == {
        "map50": pytest.approx(1),
        "map75": pytest.approx(1),
        "map50_95": pytest.approx(1),
        "f1": pytest.approx(1),
        "f1_confidence": 0.0,
        "ap50": {name: pytest.approx(1) for name in NAMES},
    }


def test_what_cannot_be_used_is_left_out(labelled: Path) -> None:
    images = load_data_yaml(labelled).images("val")
    images[0].write_bytes(b"")
    cv2.imwrite(str(images[1]), np.zeros((4, 400, 3), np.uint8))
    validate = Validator(load_data_yaml(labelled), "val", IMGSZ)
    assert len(validate.images) == len(validate.ground_truth) == 16
    assert len(validate.faults) == 2
    for image, fault in zip(images, validate.faults, strict=False):
        assert image.name in fault and fault.endswith("it is left out")


def test_a_split_without_objects_is_refused_before_the_training(labelled: Path) -> None:
    for image in load_data_yaml(labelled).images("val"):
        label_path(image).unlink(missing_ok=True)
    with pytest.raises(DataError, match=r"data\.yaml: the val split has not one labelled object"):
        Validator(load_data_yaml(labelled), "val", IMGSZ)


def through_the_bundle(bundle: Path, images: list[Path]) -> dict[str, Detections]:
    """What eval.pipeline finds on the host engine, by class; images are named as the validator names them."""
    found: dict[str, list[tuple[str, float, list[float]]]] = {name: [] for name in NAMES}
    by_name = {image.stem: str(image) for image in images}
    with open_stream(Target(bundle, on="host", numerics="float"), "eval") as (stream, _):
        for name, _, outcome in answers(stream, images[0].parent, list(by_name)):
            assert not outcome.fault
            for entry in outcome.objects:
                found[entry.name].append((by_name[name], entry.confidence, list(entry[3:])))
    return {
        name: Detections([f[0] for f in rows], np.array([f[1] for f in rows]), np.array([f[2] for f in rows]))
        for name, rows in found.items()
    }


def test_the_score_is_that_of_the_exported_bundle(
    tiny_model: Callable[..., Yolov5], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    """On images whose labels are some of the model's own boxes, so that there is something to score."""
    model, data = tiny_model(), load_data_yaml(tiny_data())
    bundle = write_bundle(model, to_onnx(model, IMGSZ, proof_images(None, IMGSZ)), tmp_path / "bundle", IMGSZ, [])
    images = data.images("val")
    found = through_the_bundle(bundle, images)
    for image in images:
        label_path(image).unlink()
    for kind, name in enumerate(NAMES):
        sides = found[name].boxes[:, 2:] - found[name].boxes[:, :2]
        order = [row for row in np.argsort(-found[name].confidence) if sides[row].min() > 4]
        for row in order[:12:3]:
            x0, y0, x1, y1 = found[name].boxes[row] / (96, 80, 96, 80)
            with label_path(Path(found[name].images[row])).open("a") as stream:
                stream.write(f"{kind} {(x0 + x1) / 2} {(y0 + y1) / 2} {(x1 - x0) * 0.85} {y1 - y0}\n")

    validate = Validator(data, "val", IMGSZ)
    expected = evaluate(found, validate.ground_truth, NAMES)
    assert expected.map50 > 0.2
    again = validate(model)
    assert {key: again[key] for key in ("map50", "map75", "map50_95", "ap50")} == {
        "map50": pytest.approx(expected.map50, abs=1e-3),
        "map75": pytest.approx(expected.map75, abs=1e-3),
        "map50_95": pytest.approx(expected.map50_95, abs=1e-3),
        "ap50": {name: pytest.approx(value, abs=1e-3) for name, value in expected.ap50.items()},
    }


def test_images_whose_names_are_not_utf8(tiny_model: Callable[..., Yolov5], labelled: Path) -> None:
    """OpenCV's own reader crashes on them, and the process with it."""
    for folder, suffix in (("images", ".jpg"), ("labels", ".txt")):
        file = labelled.parent / folder / f"00{suffix}"
        file.rename(file.with_name(os.fsdecode(b"00caf\xe9") + suffix))
    validate = Validator(load_data_yaml(labelled), "val", IMGSZ)
    assert validate.faults == [] and len(validate.images) == 18
    assert validate(Oracle(tiny_model(), truth(labelled)))["map50"] == pytest.approx(1)
