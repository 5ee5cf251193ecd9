"""The surfaces under everything else."""

import numpy as np
import zxingcpp

from compress.data.codes.background import background


def test_surfaces() -> None:
    means = []
    for seed in range(30):
        picture = background(np.random.default_rng(seed), 160, 120)
        assert picture.shape == (120, 160, 3)
        assert picture.dtype == np.uint8
        assert not zxingcpp.read_barcodes(picture)
        means.append(picture.mean())
    assert np.std(means) > 20, "dark and light ones"
