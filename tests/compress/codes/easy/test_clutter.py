"""What lies about is no code."""

import numpy as np
import zxingcpp

from compress.codes.easy.clutter import draw_clutter


def test_nothing_can_be_read() -> None:
    changed = 0
    for seed in range(40):
        image = np.full((240, 320, 3), 128, np.uint8)
        draw_clutter(np.random.default_rng(seed), image)
        assert not zxingcpp.read_barcodes(image)
        changed += (image != 128).any()
    assert changed >= 30
