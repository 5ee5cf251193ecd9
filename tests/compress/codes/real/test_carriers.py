"""What symbols are printed on."""

import numpy as np
import pytest

from compress.codes.real import carriers
from compress.codes.real.carriers import Carrier
from compress.codes.symbols import CLASSES, random_symbol

PITCH = 4


def agreement(thing: Carrier, at: int = 0) -> float:
    """The share of modules that are dark where the symbol is, or light where it is marked light on dark."""
    symbol, (x0, y0, x1, y1) = thing.areas[at]
    grey = thing.texture[round(y0) : round(y1), round(x0) : round(x1)].astype(int).mean(2)
    rows, columns = symbol.modules.shape
    high, wide = grey.shape[0] // rows, grey.shape[1] // columns
    middle = grey[high // 2 :: high, wide // 2 :: wide][:rows, :columns]
    dark = middle < (np.median(middle[symbol.modules]) + np.median(middle[~symbol.modules])) / 2
    share = float((dark == symbol.modules).mean())
    return max(share, 1 - share)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("maker", ["label", "sheet", "package", "screen", "plate"])
def test_modules_are_where_the_area_says(maker: str, name: str) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        thing = getattr(carriers, maker)(rng, random_symbol(rng, name), PITCH)
        [(_, (x0, y0, x1, y1))] = thing.areas
        assert 0 <= x0 < x1 <= thing.texture.shape[1]
        assert 0 <= y0 < y1 <= thing.texture.shape[0]
        assert agreement(thing) > 0.93


def test_a_sheet_of_labels_holds_them_all() -> None:
    rng = np.random.default_rng(1)
    symbols = [carriers.any_symbol(rng) for _ in range(17)]
    thing = carriers.label_sheet(rng, symbols, 3)
    assert [symbol for symbol, _ in thing.areas] == symbols
    assert all(agreement(thing, at) > 0.9 for at in range(17))


@pytest.mark.parametrize(("size", "sticks"), [((400, 300), True), ((40, 300), False), ((400, 20), False)])
def test_labels_stick_where_there_is_room(size: tuple[int, int], sticks: bool) -> None:
    rng = np.random.default_rng(2)
    side = carriers.carton_side(rng, size, np.array([110.0, 150, 185]), tape=False)
    assert side.texture.shape[1::-1] == size
    assert carriers.stick(rng, side, random_symbol(rng, "qrcode"), 3) is sticks
    assert len(side.areas) == sticks


def test_distractors_carry_nothing() -> None:
    shapes = set()
    for seed in range(30):
        thing = carriers.distractor(np.random.default_rng(seed))
        assert thing.areas == []
        shapes.add(thing.texture.shape)
    assert len(shapes) > 15
