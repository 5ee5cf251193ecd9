"""YOLO26 and YOLOv10: outputs, loss and boxes of both branches are those of ultralytics' own model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ultralytics.utils.loss import E2ELoss
from ultralytics.utils.nms import non_max_suppression

from compress.nets.end_to_end import EndToEnd
from compress.nets.size import flops, parameters
from compress.nets.yolov8 import AnchorFree
from deploy.errors import UsageError
from deploy.postprocess.mapping import STRETCH, Geometry

CFGS = ["few-26", "few-v10-p6"]
TARGETS = torch.tensor([[0, 1, 0.5, 0.5, 0.3, 0.3], [1, 0, 0.2, 0.25, 0.1, 0.2], [1, 2, 0.7, 0.6, 0.5, 0.4]])
WHOLE = Geometry(128, 128, 128, 128, STRETCH, 0)


def images(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 128, 128, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def model(tiny_free: Callable[..., AnchorFree], request: pytest.FixtureRequest) -> EndToEnd:
    made = tiny_free(request.param)
    assert isinstance(made, EndToEnd)
    return made


every = pytest.mark.parametrize("model", CFGS, indirect=True)


@every
def test_raw_outputs_are_what_ultralytics_own_model_decodes(model: EndToEnd) -> None:
    plain = model.plain()
    assert plain.state_dict().keys() == model.state_dict().keys()
    with torch.no_grad():
        raw, (_, expected) = model(images()), plain(images())
    half = len(raw) // 2
    for branch, outputs in (("one2one", raw[:half]), ("one2many", raw[half:])):
        for part, first in (("boxes", 0), ("scores", 1)):
            assert torch.equal(torch.cat([o.flatten(2) for o in outputs[first::2]], 2), expected[branch][part])
    assert model.output_names[:2] == ["box8", "class8"] and model.output_names[half] == "one2many_box8"
    assert len(set(model.output_names)) == len(raw)


@pytest.mark.parametrize(
    ("model", "epoch", "many"),
    [("few-26", 0, 0.8), ("few-v10-p6", 5, 0.45), ("few-26", 5, 0.45), ("few-26", 10, 0.1)],
    indirect=["model"],
)
def test_loss_is_ultralytics_own(model: EndToEnd, epoch: int, many: float) -> None:
    model.train()
    plain = model.plain()
    plain.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=11)
    batch = {"img": images(), "batch_idx": TARGETS[:, 0], "cls": TARGETS[:, 1:2], "bboxes": TARGETS[:, 2:]}
    plain.criterion = E2ELoss(plain)
    for _ in range(epoch):
        plain.criterion.update()
    expected, items = plain.loss(batch)
    loss = model.make_loss(128)
    loss.start_epoch(epoch, 11)  # type: ignore[attr-defined]
    assert plain.criterion.o2m == pytest.approx(many)
    found, parts = loss(model(images()), TARGETS)
    assert torch.allclose(found, expected.sum(), rtol=1e-5)
    assert torch.allclose(parts, torch.stack(list(items.values()))[: len(parts)], rtol=1e-5)
    found.backward()
    expected.sum().backward()
    theirs = dict(plain.named_parameters())
    compared = [(n, p) for n, p in model.named_parameters() if p.grad is not None]
    still = {n for n, p in model.named_parameters() if p.grad is None}
    assert compared and all(".dfl." in n for n in still), "both branches and the layers in front of them learn"
    for name, parameter in compared:
        wanted = theirs[name].grad
        assert wanted is not None and torch.allclose(parameter.grad, wanted, rtol=1e-3, atol=1e-4), name


@every
def test_boxes_are_those_of_ultralytics_decoder(model: EndToEnd) -> None:
    with torch.no_grad():
        for _, classes in model.branches:
            for scale in classes:
                scale[-1].weight.mul_(0.01)  # type: ignore[index, operator]
                scale[-1].bias.fill_(-2)  # type: ignore[index, operator]
    plain = model.plain()
    plain.end2end = True
    with torch.no_grad():
        raw, (decoded, _) = model(images(1)), plain(images(1))
    found = model.boxes([o.numpy() for o in raw], 0.005, 0.6, WHOLE)
    expected = decoded[0].numpy()
    expected = expected[expected[:, 4] > 0.005]
    expected[:, :4] = expected[:, :4].clip(0, 128)
    assert len(found) == len(expected) == 300
    assert np.abs(found[:, 4] - expected[:, 4]).max() < 1e-6
    distances = np.abs(found[:, None] - expected[None]).max(2)
    assert distances.min(1).max() < 1e-2 and distances.min(0).max() < 1e-2


@every
@pytest.mark.parametrize("branch", ["one2one", "one2many"])
def test_one_branch_is_deployed(model: EndToEnd, branch: str) -> None:
    alone = model.deployed(branch)
    with torch.no_grad():
        raw, both = alone(images()), model(images())
    start = 0 if branch == "one2one" else len(raw)
    assert len(both) == 2 * len(raw) and all(
        torch.equal(a, b) for a, b in zip(raw, both[start : start + len(raw)], strict=True)
    )
    assert alone.output_names == model.output_names[: len(raw)]
    assert alone.post_processor == {"one2one": "end_to_end", "one2many": "yolov8"}[branch]
    heads = [parameters(m.head) for m in (model, alone)]
    assert heads[1] == pytest.approx(heads[0] / 2, abs=4 * 16)
    assert flops(alone, 128) < flops(model, 128)
    assert len(model(images(1))) == len(both), "the model itself keeps both"
    assert alone.deployed().kept == (branch,)
    with pytest.raises(UsageError, match=f"expected one of {branch}$"):
        alone.deployed("one2many" if branch == "one2one" else "one2one")


def test_boxes_of_the_one_to_many_branch_are_suppressed(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("few-26").deployed("one2many")
    assert isinstance(model, EndToEnd)
    plain = model.plain()
    with torch.no_grad():
        for head in (model.head, plain.model[-1]):
            for box, kind in zip(head.cv2, head.cv3, strict=True):
                kind[-1].weight.mul_(0.1)
                kind[-1].bias.fill_(-5)
                box[-1].weight.mul_(1e-3)  # few overlaps: ultralytics does not clip before suppression
                box[-1].bias.copy_(torch.tensor([0.3, 0.25, 0.35, 0.4]))
        raw, (decoded, _) = model(images(1)), plain(images(1))
    found = model.boxes([o.numpy() for o in raw], 0.005, 0.6, WHOLE)
    expected = non_max_suppression(decoded, 0.005, 0.6, max_det=10000)[0].numpy()
    expected[:, :4] = expected[:, :4].clip(0, 128)
    assert len(found) == len(expected) > 10
    distances = np.abs(found[:, None] - expected[None]).max(2)
    assert distances.min(1).max() < 1e-2 and distances.min(0).max() < 1e-2


@every
def test_other_classes_start_anew_in_both_branches(model: EndToEnd) -> None:
    fitted = model.with_classes(["one", "two"])
    bins = int(model.head.reg_max)
    assert [o.shape[1] for o in fitted(images(1))] == [4 * bins, 2] * 2 * len(model.stride)
    old, new = model.state_dict(), fitted.state_dict()
    changed = {key for key in old if not torch.equal(old[key], new[key])}
    assert changed and all(".cv3." in key or "one2one_cv3." in key or key.endswith("bias") for key in changed)
    assert not {key for key in changed if ".2." not in key}


def test_a_head_of_one_branch_has_no_other(tiny_free: Callable[..., AnchorFree]) -> None:
    model = tiny_free("few-v8")
    assert model.deployed() is model
    with pytest.raises(UsageError, match="--head is one2many, but a yolov8 has a head of one branch"):
        model.deployed("one2many")


def test_the_layers_in_front_learn_from_the_other_branch(tiny_free: Callable[..., AnchorFree]) -> None:
    model = copy.deepcopy(tiny_free("few-26")).train()
    raw = model(images())
    sum(o.sum() for o in raw[: len(raw) // 2]).backward()  # type: ignore[union-attr]
    assert model.model[0].conv.weight.grad is None  # type: ignore[union-attr]
