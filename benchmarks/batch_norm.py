"""mAP of the same weights with several batch-norm statistics, after each epoch of a training (docs/adr/0055).

    python benchmarks/batch_norm.py --data dataset/data.yaml --weights yolov5n.pt --epochs 24 --imgsz 192

A line an epoch: running statistics of each momentum, and averages over the last 64, 128 and 256 images, with which the
training goes on. With --sr it is a sparse run. The line after the last epoch's is of the checkpoint that is kept
(docs/adr/0056), for which the running statistics say something only where that is the last epoch's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, which has a compress.py of its own

from compress.cli import main as compress  # noqa: E402

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH = 16
IMAGES = (64, 128, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="data.yaml")
    parser.add_argument("--weights", required=True, help="a checkpoint, or a .pt")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--imgsz", type=int, default=192)
    parser.add_argument("--sr", type=float, default=0.0, help="rate of a sparse run (default: none)")
    options = parser.parse_args()

    from benchmarks.running_statistics import Watched, norms_of
    from compress.data.data_yaml import load_data_yaml
    from compress.train import loop
    from compress.train.recalibrate import recalibrate
    from compress.train.settings import TrainSettings
    from compress.val.validate import Validator

    words = ["--data", options.data, "--weights", options.weights, "--epochs", options.epochs, "--imgsz", options.imgsz]
    words += ["--batch-size", BATCH, *(["--sr", options.sr] if options.sr else [])]
    validator = Validator(load_data_yaml(options.data), "val", options.imgsz, TrainSettings(options.data).letterbox)

    def compare(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
        seen, told = list(batches), []
        for momentum, statistics in Watched.latest.running.items():
            for norm, (mean, variance) in zip(norms_of(model), statistics, strict=True):
                norm.running_mean.copy_(mean)
                norm.running_var.copy_(variance)
            told.append(f"running {momentum} {validator(model)['map50_95']:.4f}")
        for images in IMAGES:
            recalibrate(model, seen[-images // BATCH :])
            told.append(f"{images} images {validator(model)['map50_95']:.4f}")
        print("  ".join(told), flush=True)

    loop.ModelEMA = Watched
    loop.recalibrate = compare
    TrainSettings.recalibration_images = lambda self, epoch: max(IMAGES)
    with tempfile.TemporaryDirectory() as folder:
        verb = "sparsify" if options.sr else "train"
        sys.exit(compress([verb, *map(str, words), "--project", folder]))


if __name__ == "__main__":
    main()
