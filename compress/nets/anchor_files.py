"""Anchors out of an architecture or a checkpoint, and new ones back into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from compress.nets.checkpoint import save_checkpoint
from compress.nets.family import architecture, has_anchors
from compress.nets.weights import open_weights
from compress.nets.yolov5 import Yolov5, scales_of
from deploy.errors import ModelError
from deploy.hashes import file_sha256
from deploy.whole_file import write_whole


@dataclass(frozen=True)
class Anchored:
    """An architecture, or a model with its history.

    Attributes:
        scales, each: how many scales there are, and anchors on each.
        anchors: [scales][anchors][w, h] in pixels of the input; empty for an architecture that has their number alone.
    """

    scales: int
    each: int
    anchors: list[list[list[float]]]
    arch: dict[str, Any]
    model: Yolov5 | None
    history: list[dict[str, Any]]
    source: str


def read_anchors(cfg: str, weights: str | None, names: list[str]) -> Anchored:
    """The anchors of `weights`, or of the architecture `cfg` for the classes `names`.

    Raises ModelError for a model without anchors, and as open_weights and architecture do.
    """
    if weights:
        model, history = open_weights(weights)
        if not isinstance(model, Yolov5):
            raise ModelError(f"{weights}: a {model.family} has no anchors to fit")
        found = model.anchors_px()
        return Anchored(len(found), len(found[0]), found, model.arch, model, history, weights)
    arch = architecture(cfg, len(names))
    if not has_anchors(arch):
        raise ModelError(f"--cfg {cfg}: the architecture has no anchors to fit")
    if isinstance(arch["anchors"], int):
        return Anchored(scales_of(arch), arch["anchors"], [], arch, None, [], cfg)
    rows = [np.array(row, float).reshape(-1, 2).tolist() for row in arch["anchors"]]
    return Anchored(len(rows), len(rows[0]), rows, arch, None, [], cfg)


def as_rows(anchors: np.ndarray, scales: int) -> list[list[float]]:
    """Anchors float [scales * anchors, 2], small to large, as an architecture has them: a row of w, h pairs a scale."""
    return anchors.reshape(scales, -1).tolist()


def write_anchors(anchored: Anchored, anchors: np.ndarray, out: str) -> None:
    """Write the architecture (.yaml) or the checkpoint (.safetensors) with other anchors, whole or not at all.

    `anchors` is float [scales * anchors, 2], small to large, in pixels of the network input.
    """
    path = Path(out)
    rows = as_rows(anchors, anchored.scales)
    if anchored.model is None:
        arch = {**anchored.arch, "anchors": rows}
        write_whole(path, yaml.safe_dump(arch, sort_keys=False, default_flow_style=None).encode())
        return
    head = anchored.model.head
    scaled = torch.tensor(anchors, dtype=torch.float32).view_as(head.anchors)
    head.anchors.copy_(scaled / head.stride.view(-1, 1, 1))
    anchored.model.arch["anchors"] = rows
    anchored.model.update_derived()
    entry = {"stage": "anchors", "settings": {"anchors": rows}, "sha256": file_sha256(anchored.source)}
    save_checkpoint(anchored.model, path, [*anchored.history, entry])
