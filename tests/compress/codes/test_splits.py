"""How images are dealt out to the splits."""

from collections import Counter

import numpy as np
import pytest

from compress.codes.splits import FEWEST_IMAGES, deal_splits


def deal(count: int, seed: int = 0) -> list[str]:
    return deal_splits(count, np.random.default_rng(seed))


@pytest.mark.parametrize(("count", "expected"), [(7, (5, 1, 1)), (20, (14, 3, 3)), (400, (280, 60, 60))])
def test_shares(count: int, expected: tuple[int, int, int]) -> None:
    counts = Counter(deal(count))
    assert (counts["train"], counts["val"], counts["test"]) == expected


def test_no_split_is_empty() -> None:
    assert all(len(set(deal(count, seed))) == 3 for seed in range(5) for count in range(FEWEST_IMAGES, 60))


def test_order_is_drawn_and_does_not_depend_on_the_count() -> None:
    assert deal(33) == deal(100)[:33]
    assert deal(100) != deal(100, seed=1)
