"""The sparsity rate over a run: falling by plan, or steered to a wanted share of gammas near zero, as far as the model
may lose mAP for it (docs/adr/0020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from compress.train import sparsity
from compress.train.optimizer import rate_at
from compress.train.settings import TrainSettings

ARRIVE = 0.6  # part of the run after which the wanted share shall be near zero
TOLERANCE = 0.02  # of the share
VALLEY = 0.05  # a histogram is split when no larger share of the far heap reaches into the valley
_FIRST_ADAM = 0.01  # Adam hides how strongly sr acts; the first epochs tell
_FASTEST = 2.0  # change of sr an epoch
_NEAREST = 3  # epochs that are planned ahead at least: less would chase the noise of the last one
_CLOSE = 5 * sparsity.NEAR_ZERO  # a quantile below it counts as almost there
_RELAX, _PUSH = 0.7, 1.25
_GENTLE = 0.02  # sr above it pulls harder than the task at many gammas that it needs (docs/benchmarks.md)


class FixedRate:
    """sr as the settings have it, falling to a tenth over the run. It never ends a run early."""

    before: float | None = None
    warning = ""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings = settings

    def rate(self, epoch: int) -> float:
        """The rate at an epoch counted from 0."""
        return sparsity.decayed(self._settings.sr, epoch, self._settings.epochs)

    def observe(
        self, epoch: int, gammas: torch.Tensor, kept: torch.Tensor, lr_sum: float, map50_95: float | None = None
    ) -> str:
        return ""

    def verdict(self) -> str:
        return ""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """There is nothing to load."""


class SteeredRate:
    """sr such that `target_share` of the gammas is near zero after ARRIVE of the run, and mAP stays within `map_drop`.

    What is steered is the gamma at that quantile: how far it fell in an epoch says how strongly sr acts, and from that
    follows the sr that brings it to zero in time. Once it is there, sr is relaxed as long as it stays, so that the
    other gammas recover and the histogram splits. Where mAP is then further below that before the run than the settings
    allow, sr is relaxed, whatever the gammas want.

    Args:
        settings: the run's settings; their sr is the rate of the first epoch, 0 to have it chosen.
        gammas: |gamma| of all penalised channels at the run's start, float [n].
        steps_per_epoch: optimizer steps an epoch.

    Attributes:
        before: mAP@0.5:0.95 on val (0..1) before the run, None where it is not known.
        warning: what to expect of a run of so few steps, or "".
    """

    def __init__(self, settings: TrainSettings, gammas: torch.Tensor, steps_per_epoch: int) -> None:
        self._settings = settings
        self._steps = steps_per_epoch
        self._last = _arrival(settings.epochs)
        self._quantile = self._at(gammas)
        self._arrived = False
        self.history: list[float] = []
        self.sr = settings.sr or self._first()
        self.before: float | None = None
        self._share = self._drop = 0.0
        self.warning = self._too_short()

    def rate(self, epoch: int) -> float:
        """The rate of the epoch that is about to be trained."""
        return self.sr

    def observe(
        self, epoch: int, gammas: torch.Tensor, kept: torch.Tensor, lr_sum: float, map50_95: float | None = None
    ) -> str:
        """Learn from a finished epoch, counted from 0, and set the rate of the next one.

        `gammas` are those being trained, `kept` those of the EMA, which get saved: |gamma|, float [n]. `lr_sum` is the
        sum of the learning rates of the epoch's steps, `map50_95` the EMA's on val, 0..1. Returns why the run should
        end here, or "".
        """
        self.history.append(self.sr)
        share = _share(gammas)
        fall, self._quantile = self._quantile - self._at(gammas), self._at(gammas)
        target = self._settings.target_share
        self._arrived = self._arrived or share >= target
        self._share = _share(kept)
        self._drop = 0.0 if map50_95 is None or self.before is None else 100 * (self.before - map50_95)
        # earlier on it is the learning rate, which began anew, that costs mAP, and it will give it back
        if self._too_far and epoch + 1 >= self._last:
            self.sr *= _RELAX
        elif not self._arrived:
            self.sr *= self._correction(epoch, fall, lr_sum)
        elif share < target:
            self.sr *= _PUSH
        elif share > target:
            self.sr *= _RELAX
        if self._arrived and not self._too_far and self._share >= target - TOLERANCE and self._stand_apart(kept):
            return f"{self._share:.0%} of {self._which} are near 0 and the others stand apart"
        return ""

    def verdict(self) -> str:
        """What a run that used all its epochs did not reach, or ""."""
        target, most = self._settings.target_share, self._settings.map_drop
        if self._share >= target - TOLERANCE and not self._too_far:
            return ""
        less = "a plan that removes less" if self._settings.plan else "a smaller --target-share"
        change = ""
        if self.before is not None:
            lost = f"lost {self._drop:.1f} points of mAP@0.5:0.95 (at most {most:g})"
            change = f" and {lost if self._drop >= 0 else f'gained {-self._drop:.1f} points of mAP@0.5:0.95'}"
        return (
            f"the run brought {self._share:.0%} of {self._which} near 0 (wanted: {target:.0%}){change}; "
            f"more --epochs or {less} would do better"
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "sr": self.sr,
            "quantile": self._quantile,
            "arrived": self._arrived,
            "history": self.history,
            "before": self.before,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sr, self._quantile = state["sr"], state["quantile"]
        self._arrived, self.history, self.before = state["arrived"], state["history"], state["before"]

    @property
    def _too_far(self) -> bool:
        return 0 < self._settings.map_drop < self._drop

    @property
    def _which(self) -> str:
        return "the plan's gammas" if self._settings.plan else "the gammas"

    def _stand_apart(self, kept: torch.Tensor) -> bool:
        """A plan's gammas are one heap; which ones stay is not left to the histogram."""
        return bool(self._settings.plan) or is_split(kept)

    def _at(self, gammas: torch.Tensor) -> float:
        return float(torch.quantile(gammas.float(), self._settings.target_share))

    def _ahead(self, epoch: int) -> float:
        """The sum of learning rates from an epoch on until the gammas shall have arrived."""
        return self._steps * _rates_until(self._settings, epoch, max(self._last, epoch + _NEAREST))

    def _first(self) -> float:
        if self._settings.sparsity == "subgradient" and self._settings.optimizer != "sgd":
            return _FIRST_ADAM
        momentum = self._settings.momentum if self._settings.sparsity == "subgradient" else 0.0
        return self._quantile * (1 - momentum) / self._ahead(0)

    def _correction(self, epoch: int, fall: float, lr_sum: float) -> float:
        """The factor on sr that the fall of the last epoch asks for."""
        # close to zero a gamma falls by less than sr would have it, and its share may jump with the next change
        low, high = (_RELAX, _PUSH) if self._quantile < _CLOSE else (1 / _FASTEST, _FASTEST)
        strength = fall / (self.sr * lr_sum) if lr_sum > 0 else 0.0
        if strength <= 0:
            return high
        wanted = self._quantile / (strength * self._ahead(epoch + 1))
        return min(max(wanted / self.sr, low), high)

    def _too_short(self) -> str:
        settings = self._settings
        if settings.sr or self.sr <= _GENTLE or settings.optimizer == "adam":
            return ""
        enough, wanted = settings.epochs, self.sr * self._ahead(0) / _GENTLE
        while self._steps * _rates_until(replace(settings, epochs=enough), 0, _arrival(enough)) < wanted:
            enough += max(1, enough // 20)
        return (
            f"{self._steps * settings.epochs} steps are few for --sr auto: it begins with sr {self.sr:.2g}, and above "
            f"{_GENTLE:g} a penalty costs mAP; with {enough} epochs it would begin below that"
        )


def _arrival(epochs: int) -> int:
    """The epoch by whose end the wanted share shall be near zero."""
    return max(1, round(epochs * ARRIVE))


def _rates_until(settings: TrainSettings, first: int, last: int) -> float:
    """The sum of the learning rates of the epochs from `first` up to but not including `last`."""
    return sum(rate_at(settings, min(epoch, settings.epochs - 1)) for epoch in range(first, last))


def is_split(gammas: torch.Tensor) -> bool:
    """Whether |gamma|, float [n], falls into a heap near zero and one apart from it.

    Of those that are not near zero, at most VALLEY lie below a quarter of their median, and that is at least ten times
    NEAR_ZERO. A heap that begins at zero does not pass: an exponential one has 16 % there, an even one 12.5 %.
    """
    rest = gammas[gammas >= sparsity.NEAR_ZERO]
    if not len(rest) or len(rest) == len(gammas):
        return False
    middle = float(rest.median())
    return middle >= 10 * sparsity.NEAR_ZERO and float((rest < middle / 4).float().mean()) <= VALLEY


def absolute(gammas: Sequence[torch.Tensor]) -> torch.Tensor:
    """|gamma| of all channels as one float tensor [n] on the CPU."""
    return torch.cat([gamma.detach().abs().flatten() for gamma in gammas]).float().cpu()


def _share(gammas: torch.Tensor) -> float:
    return float((gammas < sparsity.NEAR_ZERO).float().mean())
