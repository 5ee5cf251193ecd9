"""The surfaces under everything else."""

import numpy as np
import zxingcpp

from compress.codes.easy.background import background


def test_surfaces() -> None:
    means = []
    for seed in range(30):
        image = background(np.random.default_rng(seed), 160, 120)
        assert image.shape == (120, 160, 3)
        assert image.dtype == np.uint8
        assert not zxingcpp.read_barcodes(image)
        means.append(image.mean())
    assert np.std(means) > 20, "dark and light ones"
