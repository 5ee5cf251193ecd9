"""What a run tells while it goes: lines on stderr, results.jsonl, gammas.jsonl and TensorBoard."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch

from compress.train.gamma_log import row_of
from compress.train.run_folder import RunFolder
from compress.train.tensor_board import TensorBoard


class Logbook:
    """Of the one process that writes.

    Args:
        run: the run's folder, which exists.
        stage: what the run is called on stderr.
        epochs: how many there will be.
        parts: names of the loss's parts.
    """

    def __init__(self, run: RunFolder, stage: str, epochs: int, parts: tuple[str, ...]) -> None:
        self._run = run
        self._stage = stage
        self._epochs = epochs
        self._parts = parts
        self._board = TensorBoard(run.path / "tensorboard")

    def epoch(self, row: dict[str, Any], gammas: Mapping[str, torch.Tensor], better: bool) -> None:
        """Note an epoch: its row of results.jsonl and the gammas that are penalised, by layer."""
        self._run.log(row)
        if gammas:
            self._run.log_gammas(row_of(row["epoch"], gammas))
        self._on_board(row, gammas)
        print(self._line(row, better), file=sys.stderr)

    def averaged(self, images: int, metrics: Mapping[str, Any], better: bool) -> None:
        """Tell what the best epoch's weights score with batch norms averaged over so many images."""
        print(
            f"{self._stage}: with batch norm averaged over {images} images the best epoch has "
            f"mAP@0.5 {metrics['map50']:.3f}  mAP@0.5:0.95 {metrics['map50_95']:.3f}  F1 {metrics['f1']:.3f}"
            f"{'  best' if better else ', which is not kept'}",
            file=sys.stderr,
        )

    def close(self) -> None:
        self._board.close()

    def _on_board(self, row: dict[str, Any], gammas: Mapping[str, torch.Tensor]) -> None:
        for key in (*self._parts, "map50", "map50_95", "f1", "near_zero_gammas", "sr"):
            if row.get(key) is not None:
                self._board.scalar(key, row[key], row["epoch"])
        if gammas:
            self._board.histogram("gamma", torch.cat([g.detach().flatten() for g in gammas.values()]), row["epoch"])
            for name, values in gammas.items():
                self._board.histogram(f"gammas/{name}", values.detach(), row["epoch"])
        self._board.flush()

    def _line(self, row: dict[str, Any], better: bool) -> str:
        losses = "  ".join(f"{name} {row[name]:.4f}" for name in self._parts)
        share = ""
        if row["near_zero_gammas"] is not None:
            share = f"  sr {row['sr']:.4g}  gammas near 0: {row['near_zero_gammas']:.1%}"
        return (
            f"{self._stage} {row['epoch']}/{self._epochs}  {losses}  mAP@0.5 {row['map50']:.3f}  "
            f"mAP@0.5:0.95 {row['map50_95']:.3f}  F1 {row['f1']:.3f}{share}  "
            f"{row['seconds']:.0f} s{'  best' if better else ''}"
        )
