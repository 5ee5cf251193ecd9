"""GELU, written to ONNX in the one form that survives simplification and that ATC makes one operator of."""

from __future__ import annotations

import math

import torch
from torch import nn


class GELU(nn.GELU):
    """x * Phi(x), exact (Hendrycks and Gimpel 2016, arXiv 1606.08415).

    PyTorch writes the half last, where a simplifier moves it into the convolution behind, and ATC no longer knows a
    GELU. Here it comes first: what it is taken of is taken twice, so it stays.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if torch.onnx.is_in_onnx_export():
            return input * 0.5 * (torch.erf(input / math.sqrt(2)) + 1.0)
        return super().forward(input)
