"""How mAP@0.5:0.95 on val scatters with the images that batch norm is averaged over (docs/adr/0056).

    python benchmarks/batch_norm_draws.py --data dataset/data.yaml runs/train/weights/last.safetensors --imgsz 320

A line for each number of images: the score with statistics of several draws of augmented training images, and one line
with those of images as they are.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, which has a compress.py of its own

from deploy.console import exit_code  # noqa: E402

if TYPE_CHECKING:
    import torch
    from torch import nn

    from compress.val.validate import Validator

BATCH = 16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="a checkpoint")
    parser.add_argument("--data", required=True, help="data.yaml")
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument(
        "--images", type=int, nargs="+", default=[128, 256, 512], help="at most those of the train split"
    )
    parser.add_argument("--draws", type=int, default=4)
    options = parser.parse_args()
    return exit_code(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    import torch

    from compress.data.data_yaml import load_data_yaml
    from compress.data.training_images import TrainingImages, readable
    from compress.nets.weights import open_weights
    from compress.train.order import seed_everything
    from compress.val.training_batches import training_batches
    from compress.val.validate import Validator

    model, _ = open_weights(options.weights)
    data = load_data_yaml(options.data)
    validator = Validator(data, "val", options.imgsz)
    images, _ = readable(data.images("train"))
    augmented = TrainingImages(images, data.names, options.imgsz, BATCH)
    print(f"as it is: {validator(model)['map50_95']:.4f}", flush=True)

    def draw(count: int, seed: int) -> list[torch.Tensor]:
        seed_everything(seed)
        augmented.start_epoch(mosaic=False)
        chosen = random.sample(range(len(images)), min(count, len(images)))
        return list(torch.stack([augmented[place]["img"] for place in chosen]).split(BATCH))

    for count in options.images:
        found = [_score(model, draw(count, seed), validator) for seed in range(options.draws)]
        print(f"{count} images: {'  '.join(f'{score:.4f}' for score in found)}", flush=True)
    plain = training_batches([file for file, _, _ in images[: options.images[0]]], options.imgsz, "board")
    print(f"{options.images[0]} images without augmentation: {_score(model, plain, validator):.4f}")


def _score(model: nn.Module, batches: list[torch.Tensor], validator: Validator) -> float:
    from compress.train.recalibrate import recalibrate

    recalibrate(model, (batch.float() / 255 for batch in batches))
    return float(validator(model)["map50_95"])


if __name__ == "__main__":
    sys.exit(main())
