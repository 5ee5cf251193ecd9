"""How long the demo says it will take, and how many epochs it takes then."""

from __future__ import annotations

import pytest

from compress.chain.demo import SPARSE
from compress.chain.demo_pace import (
    EPOCHS,
    FEWEST_EPOCHS,
    MOST_SECONDS,
    fitting_epochs,
    in_words,
    seconds,
    seconds_a_batch,
)


@pytest.mark.parametrize(
    ("batch", "images", "epochs"),
    [
        pytest.param(0.3, 400, EPOCHS, id="an idle computer does them all"),
        pytest.param(1.2, 400, 5, id="a busy one fewer"),
        pytest.param(9.0, 400, FEWEST_EPOCHS, id="a crawling one never less than this"),
        pytest.param(0.8, 40, EPOCHS, id="few images, all epochs"),
    ],
)
def test_fitting_epochs(batch: float, images: int, epochs: int) -> None:
    assert fitting_epochs(batch, images) == epochs
    if epochs > FEWEST_EPOCHS:
        assert seconds(batch, images, epochs) <= MOST_SECONDS
    if epochs < EPOCHS:
        assert seconds(batch, images, epochs + 1) > MOST_SECONDS


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        pytest.param(43, "about 40 s", id="seconds, to the nearest ten"),
        pytest.param(200, "about 3 minutes", id="minutes"),
        pytest.param(1000, "about 17 minutes", id="many minutes"),
    ],
)
def test_in_words(duration: float, words: str) -> None:
    assert in_words(duration) == words


def test_the_second_pass_is_timed() -> None:
    ticks = iter([0.0, 100.0, 107.5])
    assert seconds_a_batch(SPARSE, 64, lambda: next(ticks)) == 7.5
