"""A detector that knows its images without any training: they are labelled with what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compress.channels.flow import ChannelFlow
from compress.data.data_yaml import DataSet, load_data_yaml
from compress.data.image_size import read_pixels
from compress.nets.checkpoint import save_checkpoint
from compress.prune.scores import gamma_scores
from compress.search.scorer import HeldOut, Scorer, split_train
from compress.train.recalibrate import recalibrate
from compress.val.letterbox import letterboxed
from compress.val.training_batches import training_batches
from compress.val.validate import outputs_of
from compute_mAP.image_file import is_image_name

SIDE = 64
SPLIT = 16, 4  # images that are held out, and batches


@dataclass(frozen=True)
class Known:
    """A data set, the weights of the detector that its labels are of, and the detector."""

    data: Path
    weights: Path
    model: Any

    @property
    def data_set(self) -> DataSet:
        return load_data_yaml(self.data)


@pytest.fixture(scope="session")
def known(
    least_model: Callable[..., Any], write_tiny_data: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Known:
    folder = tmp_path_factory.mktemp("known")
    data, model = write_tiny_data(folder / "set", counts=(70, 4, 4)), least_model()
    images = sorted(file for file in (folder / "set" / "images").rglob("*") if is_image_name(file.name))
    batches = training_batches(split_train(load_data_yaml(data), *SPLIT)[1], SIDE, "board")
    recalibrate(model, (batch.float() / 255 for batch in batches))
    model.eval()
    for image in images:
        pixels = read_pixels(image)
        canvas, frame = letterboxed(pixels, SIDE, "board")
        boxes = frame.boxes(model, outputs_of(model, [canvas]), 0.0005, 0.45)
        boxes = boxes[boxes[:, 4].argsort()[::-1][:3]]
        high, wide = pixels.shape[:2]
        lines = []
        for x0, y0, x1, y1, _, kind in boxes.tolist():
            middle, size = ((x0 + x1) / 2 / wide, (y0 + y1) / 2 / high), ((x1 - x0) / wide, (y1 - y0) / high)
            lines.append(f"{int(kind)} " + " ".join(f"{value:.6f}" for value in (*middle, *size)))
        label = folder / "set" / "labels" / image.parent.name / f"{image.stem}.txt"
        label.write_text("\n".join(lines), encoding="utf-8")
    weights = folder / "known.safetensors"
    save_checkpoint(model, weights, [])
    return Known(data, weights, model)


@pytest.fixture(scope="session")
def scorer(known: Known, least_flow: ChannelFlow) -> Scorer:
    """Of the known detector; tests leave it as it is."""
    held_out, rest = split_train(known.data_set, *SPLIT)
    batches = training_batches(rest, SIDE, "board")
    judge = HeldOut(known.data_set, held_out, SIDE, "board")
    return Scorer(known.model, least_flow, gamma_scores(known.model, least_flow), batches, judge)
