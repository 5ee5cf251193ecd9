"""Union-find: sets by their smallest number, and the first reason of a pinned set."""

from __future__ import annotations

import numpy as np
import pytest

from compress.channels.union_find import UnionFind


@pytest.mark.parametrize(
    ("pairs", "roots"),
    [
        pytest.param([], [0, 1, 2, 3, 4], id="nothing united"),
        pytest.param([(3, 1)], [0, 1, 2, 1, 4], id="the smaller number names the set"),
        pytest.param([(3, 4), (1, 3)], [0, 1, 2, 1, 1], id="sets, not numbers, are united"),
        pytest.param([(4, 3), (2, 1), (2, 4), (4, 1)], [0, 1, 1, 1, 1], id="what is united already stays so"),
    ],
)
def test_roots(pairs: list[tuple[int, int]], roots: list[int]) -> None:
    sets = UnionFind()
    ids = np.concatenate([sets.fresh(2), sets.fresh(3)])
    for a, b in pairs:
        sets.unite(np.array([a]), np.array([b]))
    assert sets.roots(ids).tolist() == roots and len(sets) == 5


def test_rows_must_be_equally_long() -> None:
    sets = UnionFind()
    with pytest.raises(ValueError, match="shorter"):
        sets.unite(sets.fresh(3), sets.fresh(2))


def test_a_pinned_set_keeps_its_first_reason() -> None:
    sets = UnionFind()
    free, image = sets.fresh(2), sets.fresh(2, "the image")
    sets.pin(image, "later")
    sets.unite(free[:1], image[1:])
    sets.pin(free[:1], "later still")
    assert sets.pinned() == {0: "the image", 2: "the image"}, "the united set by its new root, number 1 not at all"
