"""The anchor loss: who answers for an object, and a plain-loop reference of the whole sum."""

from __future__ import annotations

import math

import pytest
import torch

from compress.nets.yolov5_head import AnchorDetect
from compress.nets.yolov5_loss import AnchorLoss, LossGains

STRIDE = 8


def one_scale(classes: int = 2, anchors: list[float] | None = None) -> AnchorDetect:
    head = AnchorDetect(classes, [anchors or [16.0, 16.0]], [4])
    head.set_stride(torch.tensor([float(STRIDE)]))
    return head


def random_outputs(shapes: list[tuple[int, ...]], seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def given_cells(head: AnchorDetect, height: int, width: int, target: list[float]) -> set[tuple[int, int, int]]:
    """(anchor, column, row) of the predictions that the box part of the loss pulls at."""
    (raw,) = random_outputs([(1, head.na, height, width, head.no)])
    AnchorLoss(head, 640, LossGains())([raw], torch.tensor([target]))[0].backward()
    assert raw.grad is not None
    pulled = raw.grad[0, ..., 2].nonzero().tolist()
    return {(anchor, column, row) for anchor, row, column in pulled}


@pytest.mark.parametrize(
    ("x", "y", "cells"),
    [
        pytest.param(3.3, 3.3, {(3, 3), (2, 3), (3, 2)}, id="left and upper neighbours are nearest"),
        pytest.param(3.7, 3.3, {(3, 3), (4, 3), (3, 2)}, id="right and upper"),
        pytest.param(3.3, 1.7, {(3, 1), (2, 1), (3, 2)}, id="left and lower"),
        pytest.param(3.7, 1.7, {(3, 1), (4, 1), (3, 2)}, id="right and lower"),
        pytest.param(3.5, 3.5, {(3, 3)}, id="the middle of a cell is near to none"),
        pytest.param(3.5, 1.7, {(3, 1), (3, 2)}, id="the middle of one side only"),
        pytest.param(0.3, 0.3, {(0, 0)}, id="the upper left corner has no neighbours there"),
        pytest.param(3.5, 3.7, {(3, 3)}, id="the last row has none below"),
        pytest.param(7.7, 3.7, {(7, 3)}, id="nor has the lower right one (8 x 4 cells)"),
        pytest.param(1.25, 2.5, {(1, 2), (0, 2)}, id="the first column is a neighbour"),
        pytest.param(6.75, 2.5, {(6, 2), (7, 2)}, id="the last column is a neighbour"),
        pytest.param(5.5, 2.75, {(5, 2), (5, 3)}, id="the last row is a neighbour"),
        pytest.param(3.0, 2.5, {(3, 2), (2, 2)}, id="a centre on the line between two cells"),
        pytest.param(8.0, 2.5, {(7, 2)}, id="a centre on the image's right edge"),
        pytest.param(0.0, 2.5, {(0, 2)}, id="a centre on the image's left edge"),
        pytest.param(2.5, 4.0, {(2, 3)}, id="a centre on the image's lower edge"),
    ],
)
def test_cells_that_answer_for_an_object(x: float, y: float, cells: set[tuple[int, int]]) -> None:
    height, width = 4, 8
    target = [0, 1, x / width, y / height, 16 / (STRIDE * width), 16 / (STRIDE * height)]
    assert given_cells(one_scale(), height, width, target) == {(0, *cell) for cell in cells}


@pytest.mark.parametrize(
    ("width", "height", "anchors"),
    [
        pytest.param(16, 16, {0}, id="the anchor's own size"),
        pytest.param(16 * 3.9, 16 * 3.9, {0, 1}, id="nearly four times the first, within reach of the second"),
        pytest.param(16 * 4.0, 16, set(), id="four times as wide is too wide, and 32 times less tall than the second"),
        pytest.param(16 * 3.9, 16, {0}, id="3.9 times as wide"),
        pytest.param(16 / 3.9, 16, {0}, id="3.9 times as narrow"),
        pytest.param(16 / 4.0, 16, set(), id="four times as narrow"),
        pytest.param(16, 16 * 4.1, set(), id="too tall"),
        pytest.param(16, 16 / 4.1, set(), id="too low"),
        pytest.param(128, 128, {1}, id="eight times the first, the second's own size"),
        pytest.param(0, 16, set(), id="no width at all"),
    ],
)
def test_anchors_that_answer_for_an_object(width: float, height: float, anchors: set[int]) -> None:
    side = 32
    target = [0, 1, 3.5 / side, 3.5 / side, width / (STRIDE * side), height / (STRIDE * side)]
    cells = given_cells(one_scale(anchors=[16, 16, 128, 128]), side, side, target)
    assert cells == {(anchor, 3, 3) for anchor in anchors}


def test_object_is_given_to_its_own_image() -> None:
    (raw,) = random_outputs([(3, 1, 4, 4, 7)])
    AnchorLoss(one_scale(), 640, LossGains())([raw], torch.tensor([[2, 0, 0.4, 0.4, 0.5, 0.5]]))[0].backward()
    assert raw.grad is not None
    assert [bool(raw.grad[i, ..., :4].any()) for i in range(3)] == [False, False, True]


def test_no_targets_at_all_leaves_the_objectness_part() -> None:
    head = one_scale()
    (raw,) = random_outputs([(2, 1, 4, 4, 7)])
    total, parts = AnchorLoss(head, 640, LossGains())([raw], torch.zeros(0, 6))
    total.backward()
    assert torch.isfinite(total) and parts[0] == 0 and parts[2] == 0 and parts[1] > 0
    assert raw.grad is not None
    assert raw.grad[..., 4].all() and not raw.grad[..., :4].any() and not raw.grad[..., 5:].any()


def test_perfect_predictions_cost_next_to_nothing() -> None:
    head = one_scale(classes=3)
    raw = torch.full((1, 1, 8, 8, 8), -12.0)
    x, y, width, height = 3.3, 4.4, 2.5, 1.25  # in cells; the anchor is 2 x 2 cells
    for column, row in ((3, 4), (2, 4), (3, 3)):
        for value, part in (((x - column + 0.5) / 2, 0), ((y - row + 0.5) / 2, 1)):
            raw[0, 0, row, column, part] = math.log(value / (1 - value))
        for value, part in ((math.sqrt(width / 2) / 2, 2), (math.sqrt(height / 2) / 2, 3)):
            raw[0, 0, row, column, part] = math.log(value / (1 - value))
        raw[0, 0, row, column, 4] = raw[0, 0, row, column, 5 + 2] = 12.0
    target = torch.tensor([[0, 2, x / 8, y / 8, width / 8, height / 8]])
    loss = AnchorLoss(head, 640, LossGains())
    total, parts = loss([raw], target)
    assert total < 1e-4
    assert parts[0] < 1e-6
    target[0, 1] = 0
    assert loss([raw], target)[1][2] > 0.01, "another class would not be perfect"


def test_single_class_has_no_class_part() -> None:
    head = one_scale(classes=1)
    (raw,) = random_outputs([(1, 1, 4, 4, 6)])
    total, parts = AnchorLoss(head, 640, LossGains())([raw], torch.tensor([[0, 0, 0.4, 0.4, 0.5, 0.5]]))
    total.backward()
    assert parts[2] == 0 and parts[0] > 0
    assert raw.grad is not None and not raw.grad[..., 5].any()


def test_parts_add_up_and_grow_with_the_batch() -> None:
    head = one_scale()
    (raw,) = random_outputs([(1, 1, 4, 4, 7)])
    target = torch.tensor([[0, 1, 0.4, 0.4, 0.5, 0.5]])
    loss = AnchorLoss(head, 640, LossGains())
    total, parts = loss([raw], target)
    assert not parts.requires_grad
    assert torch.isclose(total, parts.sum())
    twice = torch.cat((target, target * torch.tensor([0, 1, 1, 1, 1, 1]) + torch.tensor([1, 0, 0, 0, 0, 0])))
    doubled, same = loss([torch.cat((raw, raw))], twice)
    assert torch.allclose(same, parts), "the parts are means"
    assert torch.isclose(doubled, 2 * total)


def test_objectness_does_not_pull_at_the_box() -> None:
    """How well a box fits is what its objectness should say; the box is not moved to make that easier."""
    (raw,) = random_outputs([(1, 1, 4, 4, 7)])
    loss = AnchorLoss(one_scale(), 640, LossGains(box=0, classes=0))
    loss([raw], torch.tensor([[0, 1, 0.4, 0.4, 0.5, 0.5]]))[0].backward()
    assert raw.grad is not None and raw.grad[..., 4].all() and not raw.grad[..., :4].any()


def test_half_precision_outputs_are_judged_in_float32() -> None:
    (raw,) = random_outputs([(1, 1, 4, 4, 7)])
    target = torch.tensor([[0, 1, 0.4, 0.4, 0.5, 0.5]])
    loss = AnchorLoss(one_scale(), 640, LossGains())
    half, parts = loss([raw.detach().half()], target)
    assert half.dtype == torch.float32 and parts.dtype == torch.float32
    assert torch.isclose(half, loss([raw], target)[0], rtol=1e-2)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def cross_entropy(logit: float, wanted: float) -> float:
    p = sigmoid(logit)
    return -(wanted * math.log(p) + (1 - wanted) * math.log(1 - p))


def complete_iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """CIoU of two boxes cx cy w h (Zheng et al. 2020, arXiv 1911.08287)."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    across = min(ax + aw / 2, bx + bw / 2) - max(ax - aw / 2, bx - bw / 2)
    down = min(ay + ah / 2, by + bh / 2) - max(ay - ah / 2, by - bh / 2)
    inter = max(across, 0) * max(down, 0)
    iou = inter / (aw * ah + bw * bh - inter)
    hull_w = max(ax + aw / 2, bx + bw / 2) - min(ax - aw / 2, bx - bw / 2)
    hull_h = max(ay + ah / 2, by + bh / 2) - min(ay - ah / 2, by - bh / 2)
    distance = ((ax - bx) ** 2 + (ay - by) ** 2) / (hull_w**2 + hull_h**2)
    v = 4 / math.pi**2 * (math.atan(bw / bh) - math.atan(aw / ah)) ** 2
    return iou - distance - v * v / (1 - iou + v)


def reference(
    outputs: list[torch.Tensor], targets: torch.Tensor, anchors: list[list[float]], imgsz: int, classes: int
) -> list[float]:
    """The three parts, one object, anchor and cell at a time."""
    boxes, objects, kinds = 0.0, 0.0, 0.0
    for raw, row, balance in zip(outputs, anchors, (4.0, 1.0, 0.4), strict=True):
        batch, count, height, width, _ = raw.shape
        stride = imgsz / width
        wanted: dict[tuple[int, ...], float] = {}
        box_terms, class_terms = [], []
        for image, kind, cx, cy, w, h in targets.tolist():
            x, y, w, h = cx * width, cy * height, w * width, h * height
            cells = [(int(x), int(y))]
            cells += [(int(x) - 1, int(y))] if x % 1 < 0.5 and x > 1 else []
            cells += [(int(x), int(y) - 1)] if y % 1 < 0.5 and y > 1 else []
            cells += [(int(x) + 1, int(y))] if x % 1 > 0.5 and width - x > 1 else []
            cells += [(int(x), int(y) + 1)] if y % 1 > 0.5 and height - y > 1 else []
            for a in range(count):
                aw, ah = row[2 * a] / stride, row[2 * a + 1] / stride
                if max(w / aw, aw / w, h / ah, ah / h) >= 4:
                    continue
                for column, line in cells:
                    values = raw[int(image), a, line, column].tolist()
                    predicted = (
                        column + sigmoid(values[0]) * 2 - 0.5,
                        line + sigmoid(values[1]) * 2 - 0.5,
                        (sigmoid(values[2]) * 2) ** 2 * aw,
                        (sigmoid(values[3]) * 2) ** 2 * ah,
                    )
                    iou = complete_iou(predicted, (x, y, w, h))
                    box_terms.append(1 - iou)
                    key = (int(image), a, line, column)
                    wanted[key] = max(wanted.get(key, 0.0), iou)
                    class_terms += [cross_entropy(v, float(c == kind)) for c, v in enumerate(values[5:])]
        boxes += sum(box_terms) / len(box_terms) if box_terms else 0
        kinds += sum(class_terms) / len(class_terms) if class_terms else 0
        cells_of = [
            (i, a, y, x) for i in range(batch) for a in range(count) for y in range(height) for x in range(width)
        ]
        objects += balance * sum(cross_entropy(float(raw[c][4]), wanted.get(c, 0.0)) for c in cells_of) / len(cells_of)
    return [0.05 * boxes, objects * (imgsz / 640) ** 2, 0.5 * classes / 80 * kinds]


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_a_plain_loop(seed: int) -> None:
    anchors = [[10.0, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]
    classes, imgsz, height = 4, 128, 96
    head = AnchorDetect(classes, anchors, [4, 4, 4])
    head.set_stride(torch.tensor([8.0, 16, 32]))
    outputs = random_outputs([(2, 3, height // s, imgsz // s, 5 + classes) for s in (8, 16, 32)], seed)
    generator = torch.Generator().manual_seed(seed)
    targets = torch.rand(14, 6, generator=generator)
    targets[:, 0] = (targets[:, 0] * 2).floor()
    targets[:, 1] = (targets[:, 1] * classes).floor()
    targets[:, 4:] = targets[:, 4:] ** 2 * 0.9 + 0.02
    targets[9:, 2:] = targets[:5, 2:]  # two objects in one place, in one image or in two: the better fit is kept
    with torch.no_grad():
        total, parts = AnchorLoss(head, imgsz, LossGains())([o.detach() for o in outputs], targets)
        expected = reference(outputs, targets, anchors, imgsz, classes)
    assert parts.tolist() == pytest.approx(expected, rel=1e-4)
    assert float(total) == pytest.approx(2 * sum(expected), rel=1e-4)


def test_gradient_reaches_every_value_of_a_prediction_that_answers() -> None:
    head = one_scale()
    (raw,) = random_outputs([(1, 1, 4, 4, 7)])
    AnchorLoss(head, 640, LossGains())([raw], torch.tensor([[0, 1, 0.4, 0.4, 0.5, 0.5]]))[0].backward()
    assert raw.grad is not None
    assert raw.grad[0, 0, 1, 1].all(), "box, objectness and both classes"
    assert torch.isfinite(raw.grad).all()
