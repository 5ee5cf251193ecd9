"""The anchor head: how its convolutions' channels become predictions, and how rare it first takes objects to be."""

from __future__ import annotations

import torch

from compress.nets.yolov5_head import AnchorDetect

ANCHORS = [[10.0, 13, 16, 30], [30, 61, 62, 45]]


def test_channel_of_a_convolution_becomes_an_anchor_and_a_value() -> None:
    head = AnchorDetect(nc=3, anchors=ANCHORS, ch=[4, 6])
    features = [torch.rand(2, 4, 5, 7), torch.rand(2, 6, 3, 4)]
    outputs = head(features)
    assert [tuple(o.shape) for o in outputs] == [(2, 2, 5, 7, 8), (2, 2, 3, 4, 8)]
    for conv, feature, output in zip(head.m, features, outputs, strict=True):
        raw = conv(feature)
        for anchor in range(2):
            for value in range(8):
                assert torch.equal(output[:, anchor, :, :, value], raw[:, anchor * 8 + value])


def test_set_stride_expresses_the_anchors_in_cells() -> None:
    head = AnchorDetect(nc=1, anchors=ANCHORS, ch=[4, 4])
    head.set_stride(torch.tensor([8.0, 16.0]))
    assert head.anchors.tolist() == [[[1.25, 1.625], [2, 3.75]], [[1.875, 3.8125], [3.875, 2.8125]]]
    assert "anchors" in head.state_dict(), "they travel with the weights, as in YOLOv5's checkpoints"


def test_fresh_biases_expect_eight_objects_in_an_image_of_640() -> None:
    head = AnchorDetect(nc=4, anchors=ANCHORS, ch=[4, 4])
    for conv in head.m:
        torch.nn.init.zeros_(conv.bias)
    head.set_stride(torch.tensor([8.0, 32.0]))
    head.reset_biases()
    for conv, cells in zip(head.m, (80 * 80, 20 * 20), strict=True):
        bias = conv.bias.view(2, 9)
        assert torch.allclose(bias[:, 4].exp() * cells, torch.tensor(8.0))
        assert torch.allclose(bias[:, 5:].exp(), torch.tensor(0.6 / (4 - 0.99999)))
        assert not bias[:, :4].any(), "the box starts at the anchor"
        assert conv.bias.requires_grad
