"""The one training loop: dense, sparse and fine-tuning alike, for models of any channel counts (docs/adr/0002)."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from accelerate.utils import broadcast_object_list
from torch import nn
from torch.utils.data import DataLoader
from ultralytics.utils.torch_utils import ModelEMA

from compress.data.content import content_hash
from compress.data.data_yaml import DataSet, load_data_yaml
from compress.data.same_classes import check_same_classes
from compress.data.training_images import TrainingImages, readable, targets_of
from compress.nets.checkpoint import load_checkpoint, save_checkpoint
from compress.nets.detector import Detector
from compress.progress import progress
from compress.train import sparsity
from compress.train.distill import Distiller
from compress.train.logbook import Logbook
from compress.train.optimizer import GAMMAS, build_optimizer, schedule
from compress.train.order import EpochBatches, epoch_seed, seed_everything, seed_worker
from compress.train.penalised import penalised
from compress.train.processes import launched
from compress.train.recalibrate import recalibrate
from compress.train.run_folder import RunFolder
from compress.train.settings import TrainSettings
from compress.train.state import TrainState
from compress.train.steering import FixedRate, SteeredRate, absolute
from compress.train.step import Stepper
from compress.val.validate import Validator
from deploy.console import can_rewrite
from deploy.errors import ReportedError, UsageError

_Said = TypeVar("_Said", bool, float)


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind: the checkpoints of its best and last epoch, and the best epoch's validation.

    `stopped` says why it ended before its last epoch, where it did. Of several processes one alone has `metrics`.
    """

    best: Path
    last: Path
    epoch: int
    metrics: dict[str, Any]
    stopped: str = ""


def train(
    model: Detector,
    history: list[dict[str, Any]],
    settings: TrainSettings,
    run: RunFolder,
    stage: str,
    teacher: Detector | None = None,
) -> TrainResult:
    """Train `model` on the data set's train split and keep the epoch that is best on its val split.

    `stage` (train, sparsify, finetune) and the settings are appended to `history` in the checkpoints written. A run
    folder that holds the state of an unfinished run with the same settings, data and weights is continued.
    With a `teacher` the model learns its outputs and features too, until the epochs of whole images begin.
    Raises DataError for a data set that does not fit the model, ModelError for a teacher that does not, ReportedError
    when the loss becomes NaN, UsageError where another process is training in the same folder.
    """
    data = load_data_yaml(settings.data)
    check_same_classes(data, model.names)
    training = _Training(model, history, settings, run, stage, data, teacher)
    with run.alone() if training.writes else nullcontext():
        return training.whole()


class _Training:
    """One run: everything that an epoch needs."""

    def __init__(
        self,
        model: Detector,
        history: list[dict[str, Any]],
        settings: TrainSettings,
        run: RunFolder,
        stage: str,
        data: DataSet,
        teacher: Detector | None,
    ) -> None:
        self.settings, self.run, self.stage, self.history = settings, run, stage, history
        self.accelerator = launched(settings)
        self.writes = self.accelerator.is_main_process
        images, faults = readable(data.images("train"))
        self.validator = Validator(data, "val", settings.imgsz, settings.letterbox) if self.writes else None
        if self.validator:
            for fault in [*faults, *self.validator.faults]:
                print(f"warning: {fault}", file=sys.stderr)
        run.inputs["images and labels"] = content_hash(data, ("train", "val"))

        model.imgsz = settings.imgsz
        self.model = model
        self.masks = penalised(model, settings.shortcuts, settings.protect, settings.plan) if settings.sparse else {}
        self.gammas = {name: model.get_parameter(f"{name}.weight") for name in self.masks}
        model.unfreeze()
        model.train().to(self.accelerator.device).to(memory_format=torch.channels_last)
        self._load(images, data.names)
        self.ema = ModelEMA(model)
        self.averaged = cast(Detector, self.ema.ema)
        # after the average was made: a copy would keep the hooks that watch the student
        self.distiller = self._distiller(teacher) if teacher else None
        self.adapters = self.distiller.adapters if self.distiller else nn.ModuleList()
        self.loss_parts = (*model.loss_parts, "distillation") if teacher else model.loss_parts
        self.loss_of = model.make_loss(settings.imgsz, settings.gains)
        self.stepper = Stepper(
            self.accelerator,
            model,
            build_optimizer(nn.ModuleList([model, self.adapters]), settings),
            self.ema,
            self.loss_of,
            settings,
            list(self.gammas.values()),
            self.distiller,
            [mask.to(self.accelerator.device) for mask in self.masks.values()] if settings.plan else (),
        )

    def _distiller(self, teacher: Detector) -> Distiller:
        settings = self.settings
        if settings.distill_features and self.accelerator.num_processes > 1:
            raise UsageError("--distill-features takes one process; several can learn the teacher's outputs alone")
        return Distiller(teacher, self.model, settings.imgsz, settings.distill_outputs, settings.distill_features)

    def _load(self, images: list[tuple[Path, int, int]], names: list[str]) -> None:
        settings, accelerator = self.settings, self.accelerator
        self.images = TrainingImages(
            images, names, settings.imgsz, settings.batch_size, settings.augmentation, settings.letterbox
        )
        self.batches = EpochBatches(
            len(self.images), settings.batch_size, settings.seed, accelerator.process_index, accelerator.num_processes
        )
        self.draw = torch.Generator()
        self.loader = DataLoader(
            self.images,
            batch_sampler=self.batches,
            generator=self.draw,
            num_workers=settings.workers,
            collate_fn=self.images.collate_fn,
            worker_init_fn=seed_worker,
            pin_memory=torch.cuda.is_available(),
        )

    def whole(self) -> TrainResult:
        """All epochs that are left."""
        settings, run = self.settings, self.run
        rate = self._rate()
        state = self.state = TrainState(self.model, self.ema, self.stepper.optimizer, self.accelerator.scaler, rate)
        state.adapters = self.adapters
        run.restore(state, settings, self.writes)
        start = state.epoch
        log = Logbook(run, self.stage, settings.epochs, self.loss_parts) if self.writes else None
        if start and log:
            print(f"{run.path}: goes on after epoch {start}", file=sys.stderr)
        if rate.warning and log and not start:
            print(f"warning: {rate.warning}", file=sys.stderr)
        if settings.map_drop and rate.before is None:
            rate.before = self._agreed(self.validator(self.averaged)["map50_95"] if self.validator else 0.0)
        stopped = ""
        for epoch in range(start, settings.epochs):
            began = time.perf_counter()
            sr = rate.rate(epoch)
            losses, latest, lr_sum = self._epoch(epoch, sr)
            map50_95 = 0.0
            if log:
                # with few steps an epoch the running statistics lag behind, most of all where gammas shrink
                recalibrate(self.averaged, (self._as_input(seen) for seen in latest))
                map50_95 = self._note(log, epoch, losses, sr, began)
            if self.gammas:
                trained, kept = self._penalised(self.model), self._penalised(self.averaged)
                stopped = rate.observe(epoch, trained, kept, lr_sum, self._agreed(map50_95))
            if log:
                state.epoch = epoch + 1
                run.save(state, settings)
            if self._agreed(bool(stopped)):
                break
        if log:
            if stopped:
                print(f"{self.stage} ends after epoch {epoch + 1}: {stopped}", file=sys.stderr)
            elif start < settings.epochs and (missed := rate.verdict()):
                print(f"note: {missed}", file=sys.stderr)
            self._average_longer(log)
            log.close()
            run.finish()
        self.accelerator.wait_for_everyone()
        best = state.best or {"epoch": 0}
        return TrainResult(run.best, run.last, best["epoch"], best, stopped)

    def _rate(self) -> FixedRate | SteeredRate:
        settings = self.settings
        if not settings.target_share:
            return FixedRate(settings)
        steps = -(-len(self.loader) // settings.accumulate)
        return SteeredRate(settings, self._penalised(self.model), steps)

    def _penalised(self, model: nn.Module) -> torch.Tensor:
        """|gamma| of the penalised channels of a model, float [n]."""
        return absolute([model.get_parameter(f"{name}.weight").detach()[mask] for name, mask in self.masks.items()])

    def _draw_epoch(self, epoch: int) -> None:
        """Settle what the loader gives next. What is drawn after the last epoch is of the last one's kind."""
        settings = self.settings
        seed = epoch_seed(settings.seed, epoch, 1 + self.accelerator.process_index)
        seed_everything(seed)
        self.draw.manual_seed(seed)
        self.batches.epoch = epoch
        partners = torch.randperm(len(self.images), generator=self.draw).tolist()
        self.images.start_epoch(min(epoch, settings.epochs - 1) < settings.mosaic_ends, partners)

    def _epoch(self, epoch: int, sr: float) -> tuple[np.ndarray, deque[torch.Tensor], float]:
        """Train one epoch; returns its mean losses, its last batches, and the sum of its steps' learning rates."""
        settings, accelerator = self.settings, self.accelerator
        self._draw_epoch(epoch)
        self.stepper.distils = epoch < settings.teacher_leaves
        if hasattr(self.loss_of, "start_epoch"):
            self.loss_of.start_epoch(epoch, settings.epochs)
        self.model.train()
        mean = torch.zeros(len(self.loss_parts), device=accelerator.device)
        wanted = settings.recalibration_images(epoch) * accelerator.num_processes
        latest: deque[torch.Tensor] = deque(maxlen=-(-wanted // settings.batch_size))
        waiting, lr_sum = 0, 0.0
        title = f"{self.stage} {epoch + 1}/{settings.epochs}"
        shown_live = self.writes and can_rewrite(sys.stderr)
        bar = progress(self.loader, desc=title, mininterval=1, disable=not shown_live)
        for step, batch in enumerate(bar):
            together = schedule(self.stepper.optimizer, settings, epoch * len(self.loader) + step, len(self.loader))
            latest.append(batch["img"])
            waiting += 1
            # the epoch's last step takes what is left: a state between two steps cannot be resumed
            full = waiting >= together or step + 1 == len(self.loader)
            targets = targets_of(batch).to(accelerator.device)
            loss, parts = self.stepper.accumulate(self._as_input(batch["img"]), targets, full)
            if not torch.isfinite(loss):
                raise ReportedError(
                    f"{self.stage}: the loss is {loss.item()} in epoch {epoch + 1}, step {step + 1}: "
                    "try a smaller --lr0"
                )
            if full:
                self.stepper.step(sr)
                waiting = 0
                lr_sum += self.stepper.optimizer.param_groups[GAMMAS]["lr"]
            mean += (parts - mean) / (step + 1)
            if not bar.disable:
                shown = zip(self.loss_parts, mean.tolist(), strict=True)
                bar.set_postfix_str(" ".join(f"{name} {value:.4f}" for name, value in shown), refresh=False)
        return accelerator.reduce(mean, "mean").cpu().numpy(), latest, lr_sum

    def _note(self, log: Logbook, epoch: int, losses: np.ndarray, sr: float, began: float) -> float:
        """Validate, keep the checkpoints and write the epoch down. Returns mAP@0.5:0.95."""
        assert self.validator
        metrics = self.validator(self.averaged)
        kept = {name: self.averaged.get_parameter(f"{name}.weight") for name in self.gammas}
        row = {
            "epoch": epoch + 1,
            **{name: round(float(loss), 5) for name, loss in zip(self.loss_parts, losses, strict=True)},
            **{key: metrics[key] for key in ("map50", "map50_95", "f1")},
            "near_zero_gammas": round(sparsity.near_zero_share(kept.values()), 4) if kept else None,
            "sr": float(f"{sr:.6g}") if kept else None,
            "seconds": round(time.perf_counter() - began, 1),
        }
        # a sparse run is for what it leaves to prune: its mAP is highest before the gammas have moved at all
        measure = self.settings.select
        better = self.state.best is None or bool(kept) or fitness(metrics, measure) > fitness(self.state.best, measure)
        if better:
            self.state.best = {"epoch": epoch + 1, **metrics}
        # without the time it took: the same training makes the same file, to the byte
        told = {key: value for key, value in row.items() if key != "seconds"}
        stages = [*self.history, {"stage": self.stage, "settings": self.settings.as_plain(), "val": told}]
        save_checkpoint(self.averaged, self.run.last, stages)
        if better:
            save_checkpoint(self.averaged, self.run.best, stages)
        log.epoch(row, kept, better)
        return float(metrics["map50_95"])

    def _average_longer(self, log: Logbook) -> None:
        """Average the batch norms of the checkpoint that is kept over more images, and keep that where val agrees.

        A hundred images place boxes up to three points of mAP@0.5:0.95 worse, or by luck better (docs/adr/0056).
        """
        assert self.validator and self.state.best
        model, stages = load_checkpoint(self.run.best)
        model.to(self.accelerator.device).to(memory_format=torch.channels_last)
        images = self.settings.final_images(len(self.images))
        recalibrate(model, (self._as_input(batch) for batch in self._further_batches(images)))
        metrics = self.validator(model)
        measure = self.settings.select
        better = fitness(metrics, measure) > fitness(self.state.best, measure)
        if better:
            self.state.best.update(metrics)
            told = {key: metrics[key] for key in ("map50", "map50_95", "f1")}
            stages[-1]["val"].update(told, batch_norm_images=images)
            save_checkpoint(model, self.run.best, stages)
        log.averaged(images, metrics, better)

    def _further_batches(self, images: int) -> Iterator[torch.Tensor]:
        """Batches as training would go on to see them, uint8 [B, 3, H, W], until there are so many images."""
        epoch = self.settings.epochs
        while images > 0:
            self._draw_epoch(epoch)
            for batch in self.loader:
                yield batch["img"]
                images -= len(batch["img"])
                if images <= 0:
                    break
            epoch += 1

    def _as_input(self, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.accelerator.device, non_blocking=True, memory_format=torch.channels_last)
        return images.float() / 255

    def _agreed(self, said: _Said) -> _Said:
        """What the first process says, such as a decision that all follow."""
        return cast(_Said, broadcast_object_list([said])[0])


def fitness(metrics: dict[str, Any], measure: str = "map") -> float:
    """What checkpoints are chosen by.

    "map" is 0.9 mAP@0.5:0.95 + 0.1 mAP@0.5, as YOLOv5 does; "f1" is the F1 score at the confidence where it is highest.
    """
    return metrics["f1"] if measure == "f1" else 0.9 * metrics["map50_95"] + 0.1 * metrics["map50"]
