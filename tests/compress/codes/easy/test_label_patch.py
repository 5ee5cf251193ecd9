"""The label under a symbol."""

import numpy as np
import pytest

from compress.codes.easy.label_patch import draw_patch
from compress.codes.symbols import CLASSES, random_symbol


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("pitch", [2, 5])
def test_modules_fill_the_area_and_nothing_disturbs_the_quiet_zone(name: str, pitch: int) -> None:
    for seed in range(15):
        rng = np.random.default_rng(seed)
        symbol = random_symbol(rng, name)
        patch = draw_patch(rng, symbol, pitch)
        x0, y0, x1, y1 = patch.area
        grey = patch.texture.astype(int).mean(2)
        paper = grey[0, 0]
        printed = grey[y0:y1, x0:x1]
        assert printed.shape[1] == symbol.modules.shape[1] * pitch
        middle = printed[printed.shape[0] // symbol.modules.shape[0] // 2, pitch // 2 :: pitch]
        np.testing.assert_array_equal(middle < paper - 30, symbol.modules[0])
        assert paper - printed.min() >= 60, "enough contrast"
        quiet = symbol.quiet_zone * pitch
        beside = np.hstack([grey[y0:y1, x0 - quiet : x0], grey[y0:y1, x1 : x1 + quiet]])
        assert beside.size
        assert (beside == paper).all()
        if symbol.linear:
            assert y1 - y0 >= 0.25 * (x1 - x0)
        else:
            assert y1 - y0 == x1 - x0
