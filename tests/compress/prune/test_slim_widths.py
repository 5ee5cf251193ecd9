"""The widths of a slim YAML: a model is brought to them, and they come back from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compress.channels.flow import ChannelFlow
from compress.channels.protect import protect
from compress.nets.slim_yaml import Factors, convolution_widths, plain_architecture, slim_yaml
from compress.nets.yolov5 import Yolov5
from compress.prune.scores import gamma_scores
from compress.prune.slim_widths import narrowed, slim_plan
from compress.prune.surgery import prune
from deploy.errors import ModelError

ROWS = {
    1: [-1, 1, "SlimConv", [128, 0.5, 3, 2]],
    4: [-1, 6, "SlimC3", [256, 0.5, [0.5, 1.0]]],
    8: [-1, 3, "SlimC3", [1024, 0.3, [0.4]]],
    9: [-1, 1, "SlimSPPF", [1024, 0.5, 5]],
}
WIDTHS = {
    "model.1.conv": (16, 8),
    "model.4.cv3.conv": (32, 16),
    "model.4.m.0.cv1.conv": (16, 8),
    "model.4.m.1.cv1.conv": (16, 16),
    "model.8.cv3.conv": (128, 40),  # 38.4, rounded up
    "model.8.m.0.cv1.conv": (64, 32),  # 25.6
    "model.9.cv1.conv": (64, 32),
}


@pytest.fixture
def slim_file(tiny_model: Callable[..., Yolov5], tmp_path: Path) -> Callable[..., Path]:
    def write(rows: dict[int, Any], **changed: Any) -> Path:
        described = {**yaml.safe_load(slim_yaml(tiny_model())), **changed}
        for number, row in rows.items():
            described["backbone"][number] = row
        file = tmp_path / "slim.yaml"
        file.write_text(yaml.safe_dump(described))
        return file

    return write


def test_a_model_is_brought_to_its_widths(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, slim_file: Callable[..., Path]
) -> None:
    model = tiny_model()
    scores = gamma_scores(model, tiny_flow)
    plan = slim_plan(model, tiny_flow, scores, slim_file(ROWS), 8)
    slim, _ = prune(model, tiny_flow, plan)
    whole, own = convolution_widths(model), convolution_widths(slim)
    assert {name: (whole[name], own[name]) for name in WIDTHS} == WIDTHS
    assert {name for name in own if own[name] != whole[name]} == {n for n, (a, b) in WIDTHS.items() if a != b}
    group = next(row for row in plan.groups if row.name == "model.1.conv")
    assert set(group.kept) == set(scores["model.1.conv"].argsort()[-8:].tolist())
    assert group.reason == "as wide as slim.yaml has it"
    again = plain_architecture(yaml.safe_load(slim_yaml(slim)), "x.yaml")[1]
    assert {name: again[name] for name in WIDTHS} == {name: own / all_ for name, (all_, own) in WIDTHS.items()}
    nothing_more = slim_plan(model, tiny_flow, scores, slim_file(ROWS), 8)
    assert nothing_more == plan


def test_a_fresh_model_has_them_too(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, slim_file: Callable[..., Path]
) -> None:
    file = slim_file(ROWS)
    factors: Factors = plain_architecture(yaml.safe_load(file.read_text()), str(file))[1]
    own = convolution_widths(narrowed(tiny_model(seed=1), factors, file))
    assert {name: own[name] for name in WIDTHS} == {name: kept for name, (_, kept) in WIDTHS.items()}


@pytest.mark.parametrize(
    "rows, changed, reason",
    [
        ({0: [-1, 1, "Conv", [64, 6, 2, 2]]}, {"head": []}, "'head' is .* expected a list of layers"),
        ({1: [-1, 1, "SlimConv", [4096, 1.0, 3, 2]]}, {}, "model.1.conv is to have 512 channels, .* has 16 there"),
        ({6: [-1, 30, "SlimC3", [512, 1.0, [1.0] * 10]]}, {}, "a factor for model.6.m.3.cv1.conv, a convolution that"),
        ({0: [-1, 1, "SlimConv", [64, 0.5, 6, 2, 2]]}, {"anchors": [[1]]}, "anchors are"),
    ],
    ids=["no head", "wider", "deeper", "no anchors"],
)
def test_files_of_other_models(
    tiny_model: Callable[..., Yolov5],
    tiny_flow: ChannelFlow,
    slim_file: Callable[..., Path],
    rows: dict[int, Any],
    changed: dict[str, Any],
    reason: str,
) -> None:
    model = tiny_model()
    with pytest.raises(ModelError, match=rf"slim.yaml: .*{reason}"):
        slim_plan(model, tiny_flow, gamma_scores(model, tiny_flow), slim_file(rows, **changed), 8)


def test_what_is_protected_stays(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, slim_file: Callable[..., Path]
) -> None:
    flow = protect(tiny_flow, ["model.1"])
    with pytest.raises(ModelError, match=r"model.1.conv is to have 8 of 16 channels, but: --protect model.1"):
        slim_plan(tiny_model(), flow, gamma_scores(tiny_model(), flow), slim_file(ROWS), 8)


@pytest.mark.parametrize(
    "text, reason",
    [("a: [", "line 1: not valid YAML"), ("a: 1\n", "has no SlimConv"), ("", "has no SlimConv")],
)
def test_files_that_are_none(
    tiny_model: Callable[..., Yolov5], tiny_flow: ChannelFlow, tmp_path: Path, text: str, reason: str
) -> None:
    file = tmp_path / "slim.yaml"
    file.write_text(text)
    with pytest.raises(ModelError, match=reason):
        slim_plan(tiny_model(), tiny_flow, {}, file, 8)
