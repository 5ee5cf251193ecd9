"""Which image belongs to train, val and test."""

from __future__ import annotations

from itertools import cycle

import numpy as np

# Twenty images are dealt out in three hands, each with all splits, which makes 14 train, 3 val and 3 test.
_HANDS = (
    ("train",) * 5 + ("val", "test"),
    ("train",) * 5 + ("val", "test"),
    ("train",) * 4 + ("val", "test"),
)
# After one hand no split is empty.
FEWEST_IMAGES = len(_HANDS[0])


def deal_splits(count: int, rng: np.random.Generator) -> list[str]:
    """The split of each of `count` images: 70 % train, 15 % val, 15 % test, in random order.

    An image's split does not depend on how many images follow.
    """
    dealt: list[str] = []
    for hand in cycle(_HANDS):
        dealt.extend(rng.permutation(hand).tolist())
        if len(dealt) >= count:
            return dealt[:count]
    raise AssertionError("a cycle does not end")
