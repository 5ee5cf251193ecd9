"""The loss on training images as they are, batch after batch: what Taylor scores are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from compress.data.data_yaml import load_data_yaml
from compress.data.same_classes import check_same_classes
from compress.data.training_images import AUGMENTATION, TrainingImages, readable, targets_of
from compress.nets.detector import Detector
from deploy.errors import UsageError

BATCH_SIZE = 8


def batch_losses(model: Detector, data_file: str | Path, batches: int, seed: int = 0) -> Iterator[torch.Tensor]:
    """The loss of `batches` batches of 8 random training images, without augmentation, one scalar at a time.

    The model runs in eval mode, so that its batch norms stay as they are. Fewer batches come where there are fewer
    images. Raises UsageError for less than one batch, DataError for a data set that does not fit the model.
    """
    if batches < 1:
        raise UsageError(f"--batches is {batches}, expected 1 or more")
    data = load_data_yaml(data_file)
    check_same_classes(data, model.names)
    plain = dict.fromkeys(AUGMENTATION, 0.0)
    images = TrainingImages(readable(data.images("train"))[0], data.names, model.imgsz, BATCH_SIZE, plain)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(images, BATCH_SIZE, shuffle=True, generator=order, collate_fn=images.collate_fn)
    loss_of = model.make_loss(model.imgsz)
    was_training = model.training
    model.eval().unfreeze()
    try:
        for _, batch in zip(range(batches), loader):
            yield loss_of(model(batch["img"].float() / 255), targets_of(batch))[0]
    finally:
        model.train(was_training)
