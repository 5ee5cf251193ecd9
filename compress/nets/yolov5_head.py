"""The anchor-based detection head of YOLOv5: one 1x1 convolution a scale, raw outputs."""

from __future__ import annotations

import math

import torch
from torch import nn


class AnchorDetect(nn.Module):
    """Raw predictions of YOLOv5: per anchor tx, ty, tw, th, objectness and class logits.

    Args:
        nc: number of classes, >= 1.
        anchors: per scale a flat list w, h, w, h, ... in pixels of the network input.
        ch: input channels, one a scale.

    The buffer `anchors` has shape [scales, anchors, 2] and holds w, h in units of the scale's stride, as the
    checkpoints of YOLOv5 do; it is filled by `set_stride`.
    """

    anchors: torch.Tensor

    def __init__(self, nc: int, anchors: list[list[float]], ch: list[int]) -> None:
        super().__init__()
        self.nc = nc
        self.no = nc + 5
        self.na = len(anchors[0]) // 2
        self.anchors_px = torch.tensor(anchors, dtype=torch.float32).view(len(anchors), -1, 2)
        self.register_buffer("anchors", self.anchors_px.clone())
        self.stride = torch.ones(len(anchors))
        self.m = nn.ModuleList(nn.Conv2d(c, self.no * self.na, 1) for c in ch)

    def set_stride(self, stride: torch.Tensor) -> None:
        """Fix the strides ([scales], pixels) and express the anchors in them."""
        self.stride = stride
        self.anchors.copy_(self.anchors_px / stride.view(-1, 1, 1))

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Map features [B, C_i, H_i, W_i] to raw float tensors [B, anchors, H_i, W_i, 5 + classes]."""
        out = []
        for conv, feature in zip(self.m, features, strict=True):
            raw = conv(feature)
            b, _, h, w = raw.shape
            out.append(raw.view(b, self.na, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous())
        return out

    def reset_biases(self) -> None:
        """Start with rare objects: about 8 objects a 640 px image and classes of equal, low probability.

        Source: Lin et al., Focal Loss (arXiv 1708.02002), section 3.3, with the counts YOLOv5 uses.
        """
        for conv, stride in zip(self.m, self.stride, strict=True):
            assert isinstance(conv, nn.Conv2d) and conv.bias is not None
            bias = conv.bias.detach().view(self.na, -1)
            bias[:, 4] += math.log(8 / (640 / float(stride)) ** 2)
            bias[:, 5:] += math.log(0.6 / (self.nc - 0.99999))
            conv.bias = nn.Parameter(bias.view(-1))
