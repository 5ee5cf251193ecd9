"""The SDK's table exponential."""

import numpy as np

from deploy.postprocess.fast_exp import fast_exp, fast_sigmoid


def test_vendor_tables(shared):
    golden = np.load(shared / "golden" / "fexp.npz")
    with np.errstate(over="ignore"):
        exp, sigmoid = fast_exp(golden["x"]), fast_sigmoid(golden["x"])
    np.testing.assert_allclose(exp, golden["exp"], rtol=4e-7)
    np.testing.assert_allclose(sigmoid, golden["sigmoid"], rtol=0, atol=2.5e-7)


def test_the_argument_is_cut_towards_zero():
    step = 1 / 65536
    x = np.array([0.9 * step, -0.9 * step, 1.1 * step], np.float32)
    assert fast_exp(x).tolist() == [1, 1, np.exp(np.float32(step))]


def test_saturation():
    with np.errstate(over="ignore"):
        assert fast_sigmoid(np.array([np.inf, 17, -np.inf, -120], np.float32)).tolist() == [1, 1, 0, 0]
