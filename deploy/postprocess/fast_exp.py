"""The SDK's exponential, which decides close thresholds and ties: exp of an argument cut to multiples of 1/65536.

Source: MxBase fastmath, which multiplies table entries for the bits of the argument. Here the cut argument goes to
numpy's float32 exp; that agrees with the tables to 3e-7 (relative), where an uncut exp is off by up to 1.6e-5.
"""

from __future__ import annotations

import numpy as np

_STEPS = np.float32(65536)
_STEP = 1 / _STEPS


def fast_exp(x: np.ndarray) -> np.ndarray:
    """exp of float32 x of any shape; infinite beyond float32, where numpy warns unless the caller silences it."""
    cut = x * _STEPS
    np.trunc(cut, out=cut)
    cut *= _STEP
    return np.exp(cut, out=cut)


def fast_sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) of float32 x with the exponential above; exactly 1 from x = 16.7 on. Warns likewise."""
    values = fast_exp(-x)
    values += 1
    return np.divide(1, values, out=values)
