"""The command line is what the settings say: names, defaults, choices and help."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import pytest

from compress.chain.edge_verbs import EDGE_VERBS
from compress.cli import VERBS, parser
from compress.commands.derive import settings_of
from compress.option import options_of
from compress.train.settings import TrainSettings
from compress.verb import Verb
from deploy.cli import _parser as edge_parser

NAMES = [verb.name for verb in VERBS]


def parsed(*words: str) -> Any:
    given = parser().parse_args(words)
    return settings_of(given.verb, given)


def least(verb: Verb) -> list[str]:
    """The shortest command line that the verb takes."""
    words = verb.name.split()
    for option in verb.options.values():
        value = {"prune": "o.safetensors", "pad": "o.onnx"}.get(verb.name, "o") if option.name == "out" else "x"
        if option.required:
            words += [value] if option.place else [f"--{option.name}={value}"]
    return [*words, *{"export": ["--out=o"], "gammas": ["--weights=w"]}.get(verb.name, [])]


@pytest.mark.parametrize("verb", VERBS, ids=NAMES)
def test_an_option_that_is_not_given_has_the_default_of_the_settings(verb: Verb) -> None:
    made = parsed(*least(verb))
    assert type(made) is verb.settings
    optional = [option for option in verb.options.values() if not option.required and option.name != "out"]
    given = {"weights"} if verb.name == "gammas" else set()
    names = {option.field for option in optional} - given
    assert {name: getattr(made, name) for name in names} == {
        entry.name: entry.default for entry in fields(verb.settings) if entry.name in names
    }


@pytest.mark.parametrize(
    ("verb", "name", "value"),
    [
        # of YOLOv5's low-augmentation recipe and of the benchmarks that docs/benchmarks.md reports
        pytest.param("train", "lr0", 0.01, id="learning rate"),
        pytest.param("finetune", "lr0", 0.01, id="learning rate of fine-tuning"),
        pytest.param("train", "batch_size", 16, id="batch"),
        pytest.param("train", "imgsz", 640, id="input"),
        pytest.param("train", "epochs", 100, id="epochs"),
        pytest.param("train", "optimizer", "sgd", id="optimizer"),
        pytest.param("train", "letterbox", "mixed", id="letterbox"),
        pytest.param("train", "close_mosaic", 10, id="mosaic"),
        pytest.param("train", "sr", 0.0, id="no penalty in dense training"),
        pytest.param("sparsify", "sr", "auto", id="sparsity rate"),
        pytest.param("sparsify", "target_share", 0.5, id="steered share"),
        pytest.param("sparsify", "sparsity", "subgradient", id="sparsity rule"),
        pytest.param("iterate", "sr", "auto", id="sparsity rate of rounds"),
        pytest.param("prune", "align", 8, id="alignment"),
        pytest.param("prune", "score", "gamma", id="score"),
        pytest.param("prune", "fold", True, id="folding"),
        pytest.param("prune", "soc", "Ascend310", id="chip of prune"),
        pytest.param("export", "soc", "Ascend310", id="chip of export"),
        pytest.param("val", "batch_size", 16, id="batch of val"),
        pytest.param("detect", "conf", 0.4, id="confidence"),
    ],
)
def test_defaults_that_documents_and_benchmarks_rely_on(verb: str, name: str, value: Any) -> None:
    assert getattr(parsed(*least(next(v for v in VERBS if v.name == verb))), name) == value


def test_the_loop_and_the_command_line_have_the_same_defaults() -> None:
    loop, train = TrainSettings("x"), parsed("train", "--data=x")
    assert {entry.name: getattr(train, entry.name) for entry in fields(TrainSettings)} == vars(loop)


@pytest.mark.parametrize("verb", VERBS, ids=NAMES)
def test_help_tells_of_every_option_and_default(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([*verb.name.split(), "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for option in verb.options.values():
        assert option.place or f"--{option.name}" in text
        if option.default not in (None, ()) and option.const is None:
            assert f"(default: {option.default}" in text


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        pytest.param(("train", "--data=d", "--adam"), "optimizer", "adam", id="an alias"),
        pytest.param(
            ("prune", "--weights=w", "--out=o.safetensors", "--no-fold"), "fold", False, id="a flag that denies"
        ),
        pytest.param(
            ("prune", "--weights=w", "--out=o.safetensors", "--protect=a", "--protect=b"),
            "protect",
            ["a", "b"],
            id="many",
        ),
        pytest.param(("sparsify", "--data=d", "--sr=auto"), "sr", "auto", id="a word among numbers"),
        pytest.param(("data", "codes", "--out=o", "--size=640x480"), "size", (640, 480), id="two numbers"),
    ],
)
def test_given_options(words: tuple[str, ...], field: str, value: Any) -> None:
    assert getattr(parsed(*words), field) == value


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(("data", "codes", "--out=o", "--size=640"), "'640' is no size", id="a kind's own sentence"),
        pytest.param(("sparsify", "--data=d", "--sr=few"), "'few' is no sparsity rate", id="neither number nor auto"),
        pytest.param(
            ("prune", "--weights=w", "--out=o", "--percent=.5", "--flops=1"), "not allowed with", id="two goals"
        ),
    ],
)
def test_refused_by_argparse(words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert sentence in capsys.readouterr().err


def edge_options(verb: str) -> dict[str, argparse.Action]:
    """What `run.sh VERB` declares, by name, as a recipe could give it."""
    (verbs,) = [action for action in edge_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    actions = verbs.choices[verb]._actions
    return {(a.option_strings[-1][2:] if a.option_strings else a.dest.replace("_", "-")): a for a in actions}


@pytest.mark.parametrize("verb", EDGE_VERBS, ids=lambda verb: verb.name)
def test_recipes_know_the_options_of_run_sh(verb: Verb) -> None:
    theirs = {name: action for name, action in edge_options(verb.name).items() if name not in ("help", "json")}
    ours = options_of(verb.settings)
    assert ours.keys() == theirs.keys()
    for name, action in theirs.items():
        assert tuple(action.choices or ()) == tuple(ours[name].choices), name
        assert (action.default or None) == (ours[name].default or None), name
        assert (not action.option_strings) == ours[name].place, name
        assert (action.required and not action.option_strings) == ours[name].required, name
