"""Ranges of activations, beside onnxruntime's own calibrator and numpy's percentiles of all values at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization.calibrate import CalibrationDataReader, CalibrationMethod, create_calibrator

from compress.quantize.float_run import FloatRun
from compress.quantize.ranges import BINS, Statistics, chosen_range, collect


class Reader(CalibrationDataReader):
    def __init__(self, name: str, images: list[np.ndarray]) -> None:
        self._rows = iter([{name: image} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._rows, None)


def test_minmax_is_onnxruntimes(small: onnx.ModelProto, inputs: list[np.ndarray], tmp_path: Path) -> None:
    onnx.save(small, str(tmp_path / "m.onnx"))
    method = CalibrationMethod.MinMax
    calibrator = create_calibrator(
        tmp_path / "m.onnx", ["Conv"], augmented_model_path=str(tmp_path / "a.onnx"), calibrate_method=method
    )
    calibrator.collect_data(Reader(small.graph.input[0].name, inputs))
    theirs = {name: data.range_value for name, data in calibrator.compute_data().items()}
    convolutions = [node.input[0] for node in small.graph.node if node.op_type == "Conv"]
    found = collect(small, convolutions, inputs, histograms=False)
    assert len(found) > 2
    for name, known in found.items():
        low, high = (float(np.ravel(value)[0]) for value in theirs[name])
        expected = min(low, 0.0), max(high, 0.0)  # 0 always lies in a range
        assert chosen_range(known, "minmax") == pytest.approx(expected, rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("percentile", [99.0, 99.9])
def test_percentile_is_that_of_all_values(small: onnx.ModelProto, inputs: list[np.ndarray], percentile: float) -> None:
    """Within two bins of the histogram, of the values of all images together."""
    tensors = [node.input[0] for node in small.graph.node if node.op_type == "Conv"]
    run = FloatRun(small, tensors)
    values: dict[str, list[np.ndarray]] = {}
    for image in inputs:
        for name, array in run(image).items():
            values.setdefault(name, []).append(array.ravel())
    tail = (100 - percentile) / 2
    for name, known in collect(small, tensors, inputs).items():
        together = np.concatenate(values[name])
        low, high = np.percentile(together, tail, method="lower"), np.percentile(together, 100 - tail, method="higher")
        found = chosen_range(known, "percentile", percentile)
        assert found == pytest.approx((min(low, 0), max(high, 0)), abs=2.01 * (known.high - known.low) / BINS), name


def _statistics(values: np.ndarray) -> Statistics:
    low, high = float(values.min()), float(values.max())
    return Statistics(low, high, np.histogram(values, BINS, (low, high))[0])


def _layer(kind: str) -> np.ndarray:
    """What a layer hands on: nearly all of it about 0, and a long thin tail of what was found."""
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(-1, 1, 100_000), random.exponential(4, 3_000)])
    silu: np.ndarray = values / (1 + np.exp(-values))
    return {"silu": silu, "relu": np.maximum(values, 0), "mirrored": -silu, "even": random.normal(0, 1, 100_000)}[kind]


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        pytest.param("silu", 0.6, id="the short side of a SiLU decides nothing"),
        pytest.param("mirrored", 0.6, id="on the other side as well"),
        pytest.param("relu", 0.6, id="nor do the zeros of a ReLU"),
        pytest.param("even", 0.4, id="both sides are long: all values count"),
    ],
)
def test_entropy_keeps_the_tail(kind: str, least: float) -> None:
    known = _statistics(_layer(kind))
    low, high = chosen_range(known, "entropy")
    kept = max(-low, high) / max(-known.low, known.high)
    assert least <= kept <= 1 and low <= 0 <= high
