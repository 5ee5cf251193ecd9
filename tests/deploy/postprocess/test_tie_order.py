"""Equal scores, ordered as libstdc++'s std::sort orders them (the expected orders come from a compiled program)."""

import numpy as np
import pytest

from deploy.postprocess.tie_order import falling

SCORES_16 = "0 1 1 0 1 1 0 0 1 0 1 1 1 1 0 1"
ORDER_16 = "1 2 4 5 8 10 11 12 13 15 0 3 6 7 9 14"
SCORES_17 = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
ORDER_17 = "8 16 15 14 13 12 11 10 9 0 7 6 5 4 3 2 1"
SCORES_33 = "0 0 0 0 1 0 0 1 0 1 1 1 1 1 0 0 1 0 1 0 1 1 1 0 1 1 1 1 0 0 1 1 0"
ORDER_33 = "11 22 21 20 18 24 16 25 26 13 12 10 9 27 7 4 30 31 32 28 29 23 0 19 17 15 14 8 6 5 3 2 1"
SCORES_100 = (
    "3 2 0 3 4 1 0 1 3 2 3 1 4 4 0 1 3 1 3 4 3 1 4 0 0 2 2 0 1 2 1 2 2 0 4 1 3 0 3 0 3 1 0 1 1 2 2 4 4 1 "
    "3 0 2 3 3 1 3 1 4 4 1 0 2 3 0 3 0 1 3 1 4 1 2 1 2 4 2 0 0 4 2 4 1 3 1 4 3 4 0 0 2 0 2 3 1 3 4 4 0 2"
)
ORDER_100 = (
    "87 70 75 79 81 22 34 19 85 59 13 12 47 97 48 4 96 58 50 68 65 63 53 36 54 56 38 0 40 3 95 83 20 18 "
    "16 86 93 10 8 99 72 52 92 90 62 80 76 74 1 45 31 9 29 32 46 26 25 30 28 71 73 82 21 84 17 15 11 7 94 "
    "5 57 49 44 43 55 41 69 60 67 35 89 98 2 51 6 66 64 42 91 33 78 88 14 27 39 37 77 23 24 61"
)


@pytest.mark.parametrize(
    ("scores", "order"),
    [
        pytest.param(SCORES_16, ORDER_16, id="up to 16 keep their order"),
        pytest.param(SCORES_17, ORDER_17, id="all equal"),
        pytest.param(SCORES_33, ORDER_33, id="two values"),
        pytest.param(SCORES_100, ORDER_100, id="five values"),
    ],
)
def test_order_of_equal_scores(scores, order):
    found = falling(np.array(scores.split(), np.float32))
    assert found.tolist() == [int(index) for index in order.split()]


def test_without_equal_scores_it_is_a_plain_sort():
    scores = np.random.default_rng(0).permutation(300).astype(np.float32)
    assert falling(scores).tolist() == np.argsort(-scores).tolist()
