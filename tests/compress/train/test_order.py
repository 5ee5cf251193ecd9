"""The order of an epoch: by seed and number alone, and shared among processes."""

from __future__ import annotations

import random
from itertools import chain

import numpy as np
import pytest
import torch

from compress.train.order import EpochBatches, epoch_seed, seed_everything


def taken(batches: EpochBatches, epoch: int) -> list[list[int]]:
    batches.epoch = epoch
    return list(batches)


def test_every_image_once() -> None:
    batches = EpochBatches(10, 4, seed=3)
    found = taken(batches, 0)
    assert [len(batch) for batch in found] == [4, 4, 2] and len(batches) == 3
    assert sorted(chain(*found)) == list(range(10))


def test_an_epoch_has_its_own_order_whatever_was_before() -> None:
    fresh, used = EpochBatches(50, 8, 0), EpochBatches(50, 8, 0)
    first = taken(used, 0)
    assert taken(fresh, 1) == taken(used, 1) != first
    assert taken(EpochBatches(50, 8, 1), 0) != first, "seed 1 in epoch 0 is not seed 0 in epoch 1"
    assert taken(EpochBatches(50, 8, 1), 0) != taken(used, 1)


@pytest.mark.parametrize(
    ("count", "size", "processes"),
    [
        pytest.param(16, 4, 2, id="all divides"),
        pytest.param(10, 4, 2, id="the last batch divides too"),
        pytest.param(9, 4, 2, id="an odd last batch is filled up"),
        pytest.param(3, 4, 4, id="fewer images than processes"),
    ],
)
def test_processes_share_each_batch(count: int, size: int, processes: int) -> None:
    alone = taken(EpochBatches(count, size, 0), 2)
    shares = [taken(EpochBatches(count, size, 0, rank, processes), 2) for rank in range(processes)]
    assert {len(share) for share in shares} == {len(alone)}, "as many steps in each"
    for number, batch in enumerate(alone):
        parts = [share[number] for share in shares]
        assert len({len(part) for part in parts}) == 1
        together = list(chain(*parts))
        assert set(batch) <= set(together) and len(together) - len(batch) < processes


def test_seeds() -> None:
    seeds = {epoch_seed(seed, epoch, stream) for seed in range(3) for epoch in range(3) for stream in range(3)}
    assert len(seeds) == 27 and all(0 <= seed < 2**32 for seed in seeds)


def test_everything_is_seeded() -> None:
    drawn = []
    for _ in range(2):
        seed_everything(5)
        drawn.append((torch.rand(1).item(), np.random.rand(), random.random()))
    assert drawn[0] == drawn[1]
