"""What changes from one epoch to the next: the state that a killed run goes on from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn


class Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


@dataclass
class TrainState:
    """The parts of a run that training changes.

    `ema` is the averaged model with its count of updates (ultralytics' ModelEMA), `scaler` AMP's, `steering` that of
    sr, `adapters` what distillation of features learns; each of the three can be missing. `epoch` counts the finished
    epochs, `best` has the metrics of the best of them.
    """

    model: nn.Module
    ema: Any
    optimizer: torch.optim.Optimizer
    scaler: Stateful | None = None
    steering: Stateful | None = None
    adapters: Stateful | None = None
    epoch: int = 0
    best: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values alone, which torch reads back without running anything."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.ema.state_dict(),
            "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict() if self.scaler else {},
            "steering": json.dumps(self.steering.state_dict() if self.steering else None),
            "adapters": self.adapters.state_dict() if self.adapters else {},
            "epoch": self.epoch,
            "best": json.dumps(self.best),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` gave into the parts. Raises what torch and json raise for anything else."""
        self.model.load_state_dict(state["model"])
        self.ema.ema.load_state_dict(state["ema"])
        self.ema.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler:
            self.scaler.load_state_dict(state["scaler"])
        if self.steering:
            self.steering.load_state_dict(json.loads(state["steering"]))
        if self.adapters:
            self.adapters.load_state_dict(state["adapters"])
        self.epoch, self.best = state["epoch"], json.loads(state["best"])
