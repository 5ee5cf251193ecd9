"""The one training loop: dense, sparse and fine-tuning alike, for models of any channel counts (docs/adr/0002)."""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from ultralytics.utils.torch_utils import ModelEMA

from compress.data.data_yaml import load_data_yaml
from compress.nets.checkpoint import save_checkpoint
from compress.nets.detector import Detector
from compress.prune.flow import channel_flow
from compress.train import sparsity
from compress.train.optimizer import build_optimizer, schedule
from compress.train.pictures import TrainingPictures, readable, seed_worker, targets_of
from compress.train.recalibrate import recalibrate
from compress.train.run_folder import RunFolder
from compress.train.settings import TrainSettings
from compress.train.validate import Validator
from compute_mAP.errors import DataError, ReportedError

RECALIBRATION_BATCHES = 16


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind: the checkpoints of its best and last epoch, and the best epoch's validation."""

    best: Path
    last: Path
    epoch: int
    metrics: dict[str, Any]


def train(
    model: Detector,
    history: list[dict[str, Any]],
    settings: TrainSettings,
    run: RunFolder,
    stage: str,
) -> TrainResult:
    """Train `model` on the data set's train split and keep the epoch that is best on its val split.

    `stage` (train, sparsify, finetune) and the settings are appended to `history` in the checkpoints written. A run
    folder that holds the state of an unfinished run with the same settings is continued.
    Raises DataError for a data set that does not fit the model, ReportedError when the loss becomes NaN.
    """
    data = load_data_yaml(settings.data)
    if data.names != model.names:
        raise DataError(
            f"{data.file}: has the {len(data.names)} classes {', '.join(data.names)}, "
            f"the weights have {len(model.names)}: {', '.join(model.names)[:120]}"
        )
    images, faults = readable(data.images("train"))
    validator = Validator(data, "val", settings.imgsz)
    for fault in [*faults, *validator.faults]:
        print(f"warning: {fault}", file=sys.stderr)
    model.imgsz = settings.imgsz

    accelerator = Accelerator(mixed_precision="fp16" if torch.cuda.is_available() else "no")
    torch.manual_seed(settings.seed)
    gammas = list(channel_flow(model, torch.zeros(1, 3, 64, 64)).gammas(model).values()) if settings.sr else []
    model.thaw()
    model.train().to(accelerator.device)
    optimizer = build_optimizer(model, settings)
    pictures = TrainingPictures(images, data.names, settings.imgsz, settings.batch_size, settings.augmentation)
    order = torch.Generator()
    loader = DataLoader(
        pictures,
        batch_size=min(settings.batch_size, len(pictures)),
        shuffle=True,
        generator=order,
        num_workers=settings.workers,
        collate_fn=pictures.collate_fn,
        worker_init_fn=seed_worker,
        pin_memory=torch.cuda.is_available(),
    )
    ema = ModelEMA(model)
    averaged = cast(Detector, ema.ema)
    wrapped, optimizer = accelerator.prepare(model, optimizer)
    loss_of = model.make_loss(settings.imgsz, settings.gains)
    start, best = run.restore(model, ema, optimizer, settings, accelerator.scaler)
    board = SummaryWriter(str(run.path / "tensorboard"))
    if start:
        print(f"{run.path}: goes on after epoch {start}", file=sys.stderr)

    for epoch in range(start, settings.epochs):
        _seed_epoch(settings.seed + epoch, order)
        pictures.start_epoch()
        began = time.perf_counter()
        mean = np.zeros(3)
        latest: deque[torch.Tensor] = deque(maxlen=RECALIBRATION_BATCHES)
        bar = tqdm(loader, desc=f"{stage} {epoch + 1}/{settings.epochs}", file=sys.stderr, leave=False, mininterval=1)
        for step, batch in enumerate(bar):
            done = epoch * len(loader) + step
            schedule(optimizer, settings, done, len(loader))
            latest.append(batch["img"])
            x = _as_input(batch["img"], accelerator.device)
            with accelerator.autocast():
                outputs = wrapped(x)
            loss, parts = loss_of(outputs, targets_of(batch).to(accelerator.device))
            if not torch.isfinite(loss):
                raise ReportedError(
                    f"{stage}: the loss is {loss.item()} in epoch {epoch + 1}, step {step + 1}: try a smaller --lr0"
                )
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), settings.clip_norm)
            rate = sparsity.decayed(settings.sr, epoch, settings.epochs)
            if gammas and settings.sparsity == "subgradient":
                sparsity.add_subgradient(gammas, rate)
            optimizer.step()
            if gammas and settings.sparsity == "proximal" and not accelerator.optimizer_step_was_skipped:
                sparsity.soft_threshold(gammas, rate, optimizer.param_groups[1]["lr"])
            optimizer.zero_grad()
            ema.update(model)
            mean += (parts.cpu().numpy() - mean) / (step + 1)
            bar.set_postfix_str("box {:.4f} obj {:.4f} cls {:.4f}".format(*mean), refresh=False)

        # with few steps an epoch the running statistics lag behind the weights, most of all where gammas shrink
        recalibrate(averaged, (_as_input(seen, accelerator.device) for seen in latest))
        metrics = validator(averaged)
        row = {
            "epoch": epoch + 1,
            "box": round(float(mean[0]), 5),
            "objectness": round(float(mean[1]), 5),
            "classes": round(float(mean[2]), 5),
            **{key: metrics[key] for key in ("map50", "map50_95")},
            "near_zero_gammas": round(sparsity.near_zero_share(gammas), 4) if gammas else None,
            "seconds": round(time.perf_counter() - began, 1),
        }
        # a sparse run is for what it leaves to prune: its mAP is highest before the gammas have moved at all
        better = best is None or settings.sr > 0 or fitness(metrics) > fitness(best)
        if better:
            best = {"epoch": epoch + 1, **metrics}
        stages = [*history, _entry(stage, settings, row)]
        save_checkpoint(averaged, run.last, stages)
        if better:
            save_checkpoint(averaged, run.best, stages)
        run.log(row)
        _to_board(board, row, gammas)
        run.save(model, ema, optimizer, epoch + 1, best, settings, accelerator.scaler)
        print(_line(stage, row, settings.epochs, better), file=sys.stderr)
    board.close()
    run.finish()
    assert best is not None
    return TrainResult(run.best, run.last, best["epoch"], best)


def fitness(metrics: dict[str, Any]) -> float:
    """What checkpoints are chosen by: 0.9 mAP@0.5:0.95 + 0.1 mAP@0.5, as YOLOv5 does."""
    return 0.9 * metrics["map50_95"] + 0.1 * metrics["map50"]


def _as_input(pictures: torch.Tensor, device: torch.device) -> torch.Tensor:
    return pictures.to(device, non_blocking=True).float() / 255


def _seed_epoch(seed: int, order: torch.Generator) -> None:
    """Each epoch draws from its own seed, so that a resumed run repeats what the unbroken one would have done."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    import random

    random.seed(seed)
    order.manual_seed(seed)


def _entry(stage: str, settings: TrainSettings, row: dict[str, Any]) -> dict[str, Any]:
    return {"stage": stage, "settings": settings.as_plain(), "val": row}


def _to_board(board: SummaryWriter, row: dict[str, Any], gammas: list[torch.nn.Parameter]) -> None:
    for key in ("box", "objectness", "classes", "map50", "map50_95", "near_zero_gammas"):
        if row[key] is not None:
            board.add_scalar(key, row[key], row["epoch"])
    if gammas:
        board.add_histogram("gamma", torch.cat([g.detach().flatten() for g in gammas]), row["epoch"])
    board.flush()


def _line(stage: str, row: dict[str, Any], epochs: int, better: bool) -> str:
    share = "" if row["near_zero_gammas"] is None else f"  gammas near 0: {row['near_zero_gammas']:.1%}"
    return (
        f"{stage} {row['epoch']}/{epochs}  box {row['box']:.4f}  obj {row['objectness']:.4f}  "
        f"cls {row['classes']:.4f}  mAP@0.5 {row['map50']:.3f}  mAP@0.5:0.95 {row['map50_95']:.3f}{share}  "
        f"{row['seconds']:.0f} s{'  best' if better else ''}"
    )
