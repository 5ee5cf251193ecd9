"""The numbers of int8: scales and offsets of activations, scales and whole numbers of weights, biases.

Activations are asymmetric per tensor, q = rint(x / s) + offset in -128..127; weights are symmetric, -127..127, with a
scale for each output channel or one for all. Formulas: CANN's AMCT and ONNX's QuantizeLinear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOW, HIGH = -128, 127
_LARGEST_BIAS = 1 << 30


@dataclass(frozen=True)
class Activation:
    """How one float tensor is quantised: `scale` > 0, a float32 value; `offset` in -128..127."""

    scale: float
    offset: int

    def quantised(self, values: np.ndarray) -> np.ndarray:
        """The values as float32 after quantisation and back."""
        whole = np.clip(np.rint(values * np.float32(1 / self.scale)) + np.float32(self.offset), LOW, HIGH)
        return (whole - np.float32(self.offset)) * np.float32(self.scale)


@dataclass(frozen=True)
class QuantizedWeights:
    """int8 [out, in / group, h, w], float32 scales [out] or [1], int32 biases [out] (None where there are none)."""

    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray | None

    def deq_scale(self, activation: Activation) -> np.ndarray:
        """float32, what an int32 result is multiplied by."""
        return deq_scale(activation.scale, self.scale)


def activation_of(low: float, high: float) -> Activation:
    """The scale and offset for values from low to high; the range is widened to hold 0, which int8 has exactly."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = np.float32((high - low) / (HIGH - LOW))
    if not np.isfinite(scale) or scale < np.finfo(np.float32).tiny:
        scale = np.float32(1.0)
    offset = int(np.clip(np.rint(LOW - low / float(scale)), LOW, HIGH))
    return Activation(float(scale), offset)


def weight_scale(weight: np.ndarray, per_channel: bool = True) -> np.ndarray:
    """float32 [out] or [1]: the largest |w| is 127. 1 where all weights are zero."""
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1) if per_channel else np.abs(weight).max(keepdims=True)
    scale = (largest.reshape(-1) / np.float32(127)).astype(np.float32)
    scale[scale < np.finfo(np.float32).tiny] = 1.0
    return scale


def quantised_weights(
    weight: np.ndarray, bias: np.ndarray | None, scale: np.ndarray, activation: Activation
) -> QuantizedWeights:
    """Round weights to the nearest whole number of their scale. A scale is raised where its bias would leave int32."""
    if bias is not None:
        needed = np.abs(bias) / (np.float32(activation.scale) * _LARGEST_BIAS)
        scale = np.maximum(scale, needed if len(scale) > 1 else needed.max(keepdims=True)).astype(np.float32)
    whole = np.clip(np.rint(weight / scale.reshape(-1, 1, 1, 1)), -127, 127).astype(np.int8)
    return QuantizedWeights(whole, scale, whole_bias(bias, scale, activation))


def whole_bias(bias: np.ndarray | None, scale: np.ndarray, activation: Activation) -> np.ndarray | None:
    """int32 [out]; no term of the offset is in it, because ATC adds that itself."""
    if bias is None:
        return None
    return np.rint(bias / (np.float32(activation.scale) * scale)).astype(np.int32)


def deq_scale(input_scale: float, scale: np.ndarray) -> np.ndarray:
    """float32 [out] or [1]."""
    return (scale.astype(np.float64) * np.float64(input_scale)).astype(np.float32)
