"""Distillation: what the parts are at their optimum, what they weigh, and what a teacher must have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

from compress.nets.detector import Detector
from compress.nets.family import architecture, build
from compress.nets.yolov5 import Yolov5
from compress.train.distill import Distiller, channel_wise, check_teacher
from deploy.errors import ModelError

SIDE = 64


@pytest.fixture(scope="module")
def models(tiny_model: Callable[..., Yolov5]) -> dict[str, Callable[[int], Detector]]:
    """Makes a small detector of each head by seed; the same seed gives the same weights."""

    def anchor_free(seed: int) -> Detector:
        torch.manual_seed(seed)
        arch = {**architecture("yolov8n", 3), "scales": {"n": [0.33, 0.125, 256]}}
        return build(arch, ["a", "b", "c"], SIDE)

    return {"anchors": lambda seed: tiny_model(seed=seed), "distributions": anchor_free}


def images(seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ["anchors", "distributions"])
def test_the_teachers_own_outputs_are_the_optimum(models: dict, kind: str) -> None:
    teacher = models[kind](0)
    distiller = Distiller(copy.deepcopy(teacher), teacher, SIDE)
    x = images()
    same = [o.detach().requires_grad_() for o in teacher.eval()(x)]
    loss = distiller(x, same)
    loss.backward()
    assert max(float(o.grad.abs().max()) for o in same) < 1e-6
    for seed in range(3):
        noise = torch.Generator().manual_seed(seed)
        worse = [o.detach() + 0.3 * torch.randn(o.shape, generator=noise) for o in same]
        assert distiller(x, worse).item() > loss.item()


@pytest.mark.parametrize("kind", ["anchors", "distributions"])
def test_a_batch_counts_as_the_sum_of_its_images(models: dict, kind: str) -> None:
    """As in the detection losses: the same image twice is twice the loss of one."""
    teacher, student = models[kind](0), models[kind](1)
    distiller = Distiller(teacher, student, SIDE)
    one = images()[:1]
    two = one.repeat(2, 1, 1, 1)
    student.eval()
    single, double = float(distiller(one, student(one))), float(distiller(two, student(two)))
    assert double == pytest.approx(2 * single, rel=1e-4)


def test_boxes_count_where_the_teacher_is_sure(models: dict) -> None:
    teacher = models["anchors"](0)
    distiller = Distiller(copy.deepcopy(teacher), teacher, SIDE)
    x = images()
    outputs = [o.detach() for o in teacher.eval()(x)]
    sure = outputs[0][..., 4].flatten()

    def moved(place: int) -> float:
        changed = [o.clone() for o in outputs]
        changed[0].view(-1, changed[0].shape[-1])[place, :4] += 1
        return float(distiller(x, changed)) - float(distiller(x, outputs))

    assert moved(int(sure.argmax())) > moved(int(sure.argmin())) >= 0


def test_channel_wise_divergence() -> None:
    """Against the definition, channel by channel; zero for equal features, whatever is added to a channel."""
    a, b = torch.rand(2, 3, 4, 5, dtype=torch.float64), torch.rand(2, 3, 4, 5, dtype=torch.float64)
    total = 0.0
    for image in range(2):
        for channel in range(3):
            p, q = b[image, channel].flatten().softmax(0), a[image, channel].flatten().softmax(0)
            total += float((p * (p.log() - q.log())).sum())
    assert float(channel_wise(a, b)) == pytest.approx(total / 6)
    assert float(channel_wise(a, a + 3)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", ["anchors", "distributions"])
def test_features_reach_the_student_and_the_adapters_and_stay_out_of_the_checkpoint(models: dict, kind: str) -> None:
    teacher, student = models[kind](0), models[kind](1)
    keys = list(student.state_dict())
    distiller = Distiller(teacher, student, SIDE, outputs=0, features=1)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    student.train()
    x = images()
    for _ in range(2):  # what was seen is forgotten: a second batch is no longer than the first
        distiller(x, student(x)).backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in distiller.adapters.parameters() if p.ndim == 4)
    assert float(student.model[0].conv.weight.grad.abs().sum()) > 0
    assert list(student.state_dict()) == keys
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_validation_in_between_is_not_learnt_from(models: dict) -> None:
    """A copy of the student keeps its hooks, as an averaged model does: its passes must not pile up."""
    teacher, student = models["anchors"](0), models["anchors"](1)
    distiller = Distiller(teacher, student, SIDE, outputs=0, features=1)
    averaged = copy.deepcopy(student).eval()
    x = images()
    student.train()
    first = float(distiller(x, student(x)))
    averaged(x)
    assert float(distiller(x, student(x))) == pytest.approx(first, rel=1e-3)


def test_a_student_learns_from_a_wider_teacher(models: dict, tiny_model: Callable[..., Yolov5]) -> None:
    teacher, student = tiny_model(seed=0, width_multiple=0.25), tiny_model(seed=1)
    distiller = Distiller(teacher, student, SIDE, outputs=1, features=0.5)
    student.train()
    learning = torch.optim.Adam([*student.parameters(), *distiller.adapters.parameters()], 1e-3)
    x = images()
    losses = []
    for _ in range(12):
        loss = distiller(x, student(x))
        learning.zero_grad()
        loss.backward()
        learning.step()
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda m, t: t(names=("a", "b")), r"classes are \['a', 'b'\]", id="other classes"),
        pytest.param(lambda m, t: m["distributions"](0), "outputs are distributions over 16 bins", id="another head"),
        pytest.param(
            lambda m, t: t(anchors=[[9, 9] * 3, [20, 20] * 3, [40, 40] * 3]), "anchors are", id="other anchors"
        ),
    ],
)
def test_teachers_of_another_kind(models: dict, tiny_model: Callable[..., Yolov5], make: Callable, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        check_teacher(make(models, tiny_model), models["anchors"](0))
