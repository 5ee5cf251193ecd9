"""In which order an epoch takes the images, and what its random numbers start from.

Everything an epoch draws follows from the run's seed and the epoch's number, so that a resumed run repeats what the
unbroken one would have done.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler


def epoch_seed(seed: int, epoch: int, stream: int = 0) -> int:
    """A seed in 0..2**32-1 for one epoch; streams 0, 1, ... of the same epoch are independent."""
    return int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1)[0])


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and random."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def seed_worker(worker: int) -> None:
    """Seeds numpy and random in a loading process from torch's seed of that process."""
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


class EpochBatches(Sampler[list[int]]):
    """The batches of an epoch as lists of image numbers: a permutation of all images, cut in pieces.

    Several processes share every batch: the same images make up the same batch however many there are. Where a last
    batch does not divide among them, images from the epoch's beginning fill it up.

    Args:
        count: number of images, >= 1.
        batch_size: images a batch over all processes.
        seed: the run's seed.
        rank: number of this process.
        processes: how many there are.

    Attributes:
        epoch: set before each epoch, counted from 0.
    """

    def __init__(self, count: int, batch_size: int, seed: int, rank: int = 0, processes: int = 1) -> None:
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        order = torch.randperm(self.count, generator=generator).tolist()
        for start in range(0, self.count, self.batch_size):
            batch = order[start : start + self.batch_size]
            for k in range(-len(batch) % self.processes):
                batch.append(order[k % self.count])
            yield batch[self.rank :: self.processes]
