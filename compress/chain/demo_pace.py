"""How long the demo will take here, and how many epochs fit: machines differ, and other work may be running."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from compress.train.settings import TrainSettings

MOST_SECONDS = 225.0  # with room for a core that gets busy: the demo is to end within five minutes
EPOCHS, FEWEST_EPOCHS = 12, 3
_BATCH = 8
# In units of one pass over a batch of 8 images, forward and backward, of the model that is pruned. Taken as CPU time,
# which other work on the computer does not change: a batch took 1.5 s, an epoch of 400 images 37 s, and drawing,
# pruning, exporting and evaluating 48 s in one thread: twice that in units of a batch, for a batch has two threads.
_PRUNED, _FORWARD, _REST = 0.52, 0.165, 64.0
_TRAIN, _VAL = 0.7, 0.15  # shares of the images


def seconds_a_batch(weights: Path, imgsz: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Wall time of one forward and backward pass over 8 images, the second of two: the first one warms up."""
    import torch

    from compress.nets.weights import open_weights

    model = open_weights(weights)[0].train()
    model.unfreeze()
    loss_of = model.make_loss(imgsz)
    images, target = torch.rand(_BATCH, 3, imgsz, imgsz), torch.tensor([[0, 0, 0.5, 0.5, 0.2, 0.2]])
    for _ in range(2):
        began = clock()
        loss_of(model(images), target)[0].backward()
    return clock() - began


def seconds(batch: float, images: int, epochs: int) -> float:
    """What the demo takes where a batch takes `batch` seconds."""
    settings = TrainSettings("data.yaml", epochs=epochs)
    recalibrated = sum(settings.recalibration_images(epoch) for epoch in range(epochs))
    recalibrated += settings.final_images(round(_TRAIN * images))
    passes = images * (epochs * _TRAIN * _PRUNED + (epochs + 1) * _VAL * _FORWARD) + recalibrated * _FORWARD
    return batch * (passes / _BATCH + _REST)


def fitting_epochs(batch: float, images: int) -> int:
    """As many of EPOCHS as MOST_SECONDS allow, FEWEST_EPOCHS at least."""
    fitting = [n for n in range(FEWEST_EPOCHS, EPOCHS + 1) if seconds(batch, images, n) <= MOST_SECONDS]
    return fitting[-1] if fitting else FEWEST_EPOCHS


def in_words(duration: float) -> str:
    """ "about 40 s", "about 4 minutes"."""
    return f"about {round(duration, -1):.0f} s" if duration < 100 else f"about {duration / 60:.0f} minutes"
