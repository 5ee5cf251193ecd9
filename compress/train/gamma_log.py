"""How the gammas of each layer are spread: the histograms that a sparse run notes after every epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deploy.errors import DataError

# Bins of |gamma|: fine where it counts, the last one open. The first is what counts as near zero.
EDGES = np.concatenate([np.arange(0, 1, 0.01), np.arange(1, 2, 0.02), np.arange(2, 4.01, 0.1)])


@dataclass(frozen=True)
class GammaEpoch:
    """The histograms of one epoch (counted from 1): int64 [len(EDGES)] a layer, its last bin open to the right."""

    epoch: int
    layers: dict[str, np.ndarray]


def counts(gammas: torch.Tensor) -> np.ndarray:
    """How many |gamma| lie in each bin, int64 [len(EDGES)]."""
    values = gammas.detach().abs().flatten().cpu().numpy()
    return np.histogram(values, np.append(EDGES, np.inf))[0]


def row_of(epoch: int, gammas: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """One line of gammas.jsonl; trailing empty bins are left out."""
    return {
        "epoch": epoch,
        "layers": {name: np.trim_zeros(counts(values), "b").tolist() for name, values in gammas.items()},
    }


def read_gamma_log(path: Path) -> list[GammaEpoch]:
    """The epochs of a gammas.jsonl. Raises DataError, naming file and line, for one that is missing or damaged."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; a run notes its gammas where it is a sparse one")
    epochs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            layers = {str(name): _padded(found) for name, found in row["layers"].items()}
            epochs.append(GammaEpoch(int(row["epoch"]), layers))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(f"{path}: line {number} is no histogram of gammas") from None
    if not epochs:
        raise DataError(f"{path}: holds no epoch yet")
    return epochs


def _padded(found: list[int]) -> np.ndarray:
    full = np.zeros(len(EDGES), np.int64)
    full[: len(found)] = found
    return full
