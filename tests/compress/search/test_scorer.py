"""A candidate's score is that of the cut model, and the shared model is untouched by it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compress.channels.flow import channel_flow
from compress.nets.family import architecture, build
from compress.nets.yolov5 import Yolov5
from compress.prune.choose import with_widths
from compress.prune.goal import Goal
from compress.prune.surgery import cut, silence
from compress.search.run import self_check
from compress.search.scorer import HeldOut, Scored, Scorer, _restored, split_train
from compress.search.workers import InProcess, Processes
from compress.val.training_batches import training_batches
from deploy.errors import DataError, ReportedError
from tests.compress import hub
from tests.compress.processes import server


def full(scorer: Scorer) -> dict[str, int]:
    return {group.name: len(group.classes) for group in scorer.flow.removable()}


def half(scorer: Scorer) -> dict[str, int]:
    return {name: max(8, width // 2) for name, width in full(scorer).items()}


def state(scorer: Scorer) -> dict[str, Any]:
    tensors = {name: tensor.clone() for name, tensor in scorer.model.state_dict().items()}
    modes = [module.training for module in scorer.model.modules()]
    return {**tensors, "modes": modes, "momenta": [getattr(m, "momentum", None) for m in scorer.model.modules()]}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
        for name, value in first.items()
    )


def test_it_is_the_score_of_the_cut_model(scorer: Scorer) -> None:
    widths = half(scorer)
    before = state(scorer)
    found = scorer(widths)
    assert same(before, state(scorer)), "restored bit for bit"
    plan = with_widths(scorer.flow, scorer.order, widths, Goal("uniform", 0.5), 8)
    slim = cut(scorer.model, scorer.flow, plan)
    scorer.recalibrate(slim)
    report = scorer.held_out.validate(slim).report
    assert found == Scored(pytest.approx(report.map50, abs=0.02), pytest.approx(report.map50_95, abs=0.02))
    assert found.map50 != scorer.baseline().map50
    assert scorer(widths) == found, "again the same"


def test_it_is_restored_where_scoring_fails(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(scorer)
    monkeypatch.setattr(scorer, "recalibrate", lambda model: (_ for _ in ()).throw(RuntimeError("no memory\nat all")))
    workers = InProcess(scorer)
    workers.submit(7, half(scorer))
    done = workers.next()
    assert (done.number, done.scored, done.fault) == (7, None, "no memory")
    assert same(before, state(scorer))


def test_layers_without_a_batch_norm_are_restored_too(tiny_model: Callable[..., Yolov5]) -> None:
    """Transposed convolutions, such as YOLOv6's, are silenced by their weights."""
    arch = hub.least()
    arch["head"][0] = [-1, 1, "nn.ConvTranspose2d", [512, 2, 2]]
    model = tiny_model(**arch)
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    before = copy.deepcopy(model.state_dict())
    (name, *_) = sorted(flow.bare)
    with _restored(model, flow.bare):
        silence(model, flow, flow.convolutions[name].outputs[:3])
        weight = model.get_parameter(f"{name}.weight")
        assert not weight[:, :3].any() and weight[:, 3:].any() and not model.get_parameter(f"{name}.bias")[:3].any()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_statistics_are_a_plain_average(scorer: Scorer) -> None:
    """Of the first layer over all batches, nothing of the older ones is left."""
    model = copy.deepcopy(scorer.model)
    scorer.recalibrate(model)
    layer = model.model[0]
    with torch.no_grad():
        seen = [layer.conv(batch.float() / 255) for batch in scorer.batches]
    means = torch.stack([batch.mean((0, 2, 3)) for batch in seen]).mean(0)
    torch.testing.assert_close(layer.bn.running_mean, means, rtol=1e-4, atol=1e-5)


def test_held_out_images_are_of_the_train_split_and_apart(known: Any) -> None:
    held_out, rest = split_train(known.data_set, 16, 4)
    assert len(held_out) == 16 and len(rest) == 54 and not set(held_out) & set(rest)
    assert {image.parent.name for image in [*held_out, *rest]} == {"train"}
    assert len(split_train(known.data_set, 1000, 1)[0]) == 35, "at most half"
    assert split_train(known.data_set, 16, 4) == (held_out, rest)
    (batch, *others) = training_batches(rest, 64, "board")
    assert batch.dtype == torch.uint8 and batch.shape == (16, 3, 64, 64) and len(others) == 3


def test_one_image_is_not_enough(tiny_data: Any) -> None:
    from compress.data.data_yaml import load_data_yaml

    with pytest.raises(DataError, match="has one image that can be read, expected two or more"):
        split_train(load_data_yaml(tiny_data(counts=(1, 1, 1))), 16, 4)


def damage(scorer: Scorer, what: str) -> Scorer:
    model = copy.deepcopy(scorer.model)
    with torch.no_grad():
        if what == "statistics":
            model.model[3].cv3.bn.running_mean += 30
        elif what == "head":
            for conv in model.head.m:
                conv.bias[:] = -30
    return Scorer(model, scorer.flow, scorer.order, scorer.batches, scorer.held_out)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        pytest.param("statistics", "at full width, .* but 0.* as it is", id="statistics that are not the data's"),
        pytest.param("head", "has mAP@0.5 0 on the held-out training images", id="a model that finds nothing"),
    ],
)
def test_the_self_check_stops_the_search(scorer: Scorer, what: str, sentence: str) -> None:
    with pytest.raises(ReportedError, match=f"the search stops: .*{sentence}"):
        self_check(damage(scorer, what), full(scorer))


def test_the_self_check_passes(scorer: Scorer) -> None:
    baseline, whole = self_check(scorer, full(scorer))
    assert baseline.map50 > 0.5 and whole.map50 == pytest.approx(baseline.map50, abs=0.1)


def test_processes_score_alike_and_outlive_one_another(scorer: Scorer) -> None:
    random = np.random.default_rng(0)
    tasks = [
        {name: int(random.integers(max(1, width // 2), width + 1)) for name, width in full(scorer).items()}
        for _ in range(3)
    ]
    alone = InProcess(scorer)
    expected = {}
    for number, widths in enumerate(tasks):
        alone.submit(number, widths)
        expected[number] = alone.next().scored
    workers = Processes(scorer, 2)
    workers._context = server()  # type: ignore[assignment]  # they import torch in no time; search itself spawns them
    try:
        for number, widths in enumerate(tasks[:2]):
            workers.submit(number, widths)
        workers._workers[0].process.kill()
        found = [workers.next()]
        workers.submit(2, tasks[2])
        found += [workers.next(), workers.next()]
    finally:
        workers.close()
    assert {done.number: done.scored for done in found} == expected


def test_an_image_is_read_once(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held_out = split_train(known.data_set, 4, 1)[0]
    judge = HeldOut(known.data_set, held_out, 64, "board")
    first = judge.validate(known.model).report
    monkeypatch.setattr("compress.val.validate.read_pixels", lambda image: pytest.fail(f"{image} is read again"))
    assert judge.validate(known.model).report == first
    assert judge.images == [Path(image) for image in held_out]


def test_layer_norms_are_restored_too() -> None:
    arch = {**architecture("yolov5n-convnext", 3), "width_multiple": 0.0833, "depth_multiple": 0.1}
    model = build(arch, ["a", "b", "c"], 64).eval()
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    before = copy.deepcopy(model.state_dict())
    with _restored(model, [*flow.bare, *flow.layer_norms]):
        silence(model, flow, flow.convolutions["model.0.conv"].outputs[:3])
        assert not model.get_parameter("model.0.ln.weight")[:3].any()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
