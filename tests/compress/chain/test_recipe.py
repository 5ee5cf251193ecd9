"""Reading recipes: strict keys, and every error names its line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from compress.chain.recipe import filled, read_recipe
from compress.chain.verbs import command_line
from compress.commands.run import recipe_verbs
from compress.verb import Verb
from deploy.errors import DataError, ReportedError, UsageError

ROOT = Path(__file__).resolve().parents[3]
GOOD = """\
variables: {voc: VOCdevkit, w:}
common:
  imgsz: 320
  batch_size: 16
stages:
  - stage: data voc2yolo
    name: set
    voc: ${voc}
  - {stage: train, name: dense, data: "${set}", weights: "${w}", epochs: 30, adam: true}
  - {stage: prune, weights: "${dense.last}", flops: 40%, protect: [model.0, "model.1.*"]}
  - {stage: export, name: bundle, weights: "${prune}"}
  - {stage: eval, devkit: "${voc}", model: "${bundle}"}
"""


@pytest.fixture(scope="module")
def verbs() -> dict[str, Verb]:
    return recipe_verbs()


def read(folder: Path, text: str, verbs: dict[str, Verb], **given: str) -> Any:
    (folder / "r.yaml").write_text(text)
    os.chdir(folder)
    return read_recipe(Path("r.yaml"), given, verbs)


def test_a_good_recipe(tmp_path: Path, verbs: dict[str, Verb], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = read(tmp_path, GOOD, verbs, w="coco.pt")
    assert [(stage.name, stage.verb) for stage in recipe.stages] == [
        ("set", "data voc2yolo"),
        ("dense", "train"),
        ("prune", "prune"),
        ("bundle", "export"),
        ("eval", "eval"),
    ]
    answers = {
        "set": {"result": "o/set/data.yaml"},
        "dense": {"result": "o/best", "last": "o/last"},
        "prune": {"result": "o/p"},
        "bundle": {"result": "o/b"},
    }
    lines = [command_line(verbs[s.verb], filled(s, recipe.variables, answers)) for s in recipe.stages]
    common = ["--imgsz=320", "--batch-size=16"]
    assert lines[0] == ["data", "voc2yolo", "--voc=VOCdevkit"]
    assert lines[1] == ["train", *common, "--data=o/set/data.yaml", "--weights=coco.pt", "--epochs=30", "--adam"]
    assert lines[2] == ["prune", "--weights=o/last", "--flops=40%", "--protect=model.0", "--protect=model.1.*"]
    assert lines[3] == ["export", "--imgsz=320", "--weights=o/p"]
    assert lines[4] == ["eval", "VOCdevkit", "--model=o/b"]
    with pytest.raises(UsageError, match=r"yaml: line 10: the stage 'dense' answers no 'last' \(did you mean 'lst'"):
        filled(recipe.stages[2], recipe.variables, {**answers, "dense": {"result": "x", "best": "x", "lst": 1}} | {})


def trained(line: str) -> str:
    return f"stages:\n  - stage: train\n    data: d.yaml\n    cfg: yolov5n\n    {line}\n"


BAD: list[Any] = [
    ("", "r.yaml: is empty"),
    ("stages: [", "r.yaml: line 1: not valid YAML"),
    ("[]", "line 1: expected keys with values"),
    ("stage: []", "line 1: there is no key 'stage' (did you mean 'stages'?)"),
    ("common: {imgsz: 3}", "the key 'stages' is missing"),
    ("stages: []", "line 1: 'stages' holds no list of stages"),
    ("stages:\n  - train", "line 2: expected keys with values"),
    ("stages:\n  - {name: a}", "line 2: the stage has no key 'stage'"),
    ("stages:\n  - {stage: trian}", "line 2: there is no verb 'trian' (did you mean 'train'?)"),
    ("stages:\n  - {stage: run}", "line 2: there is no verb 'run'"),
    (trained("epoch: 3"), "line 5: 'train' has no option 'epoch' (did you mean 'epochs'?)"),
    (trained("epochs: many"), "line 5: 'epochs' is 'many', which it cannot be"),
    (trained("epochs: 0"), "line 5: --epochs is 0, expected 1 to 100000"),
    (trained("imgsz: 100"), "line 5: --imgsz is 100, expected a multiple of 32"),
    (trained("epochs: [1, 2]"), "line 5: 'epochs' is a list, expected one value"),
    (trained("optimizer: sdg"), "line 5: 'optimizer' is 'sdg' (did you mean 'sgd'?), expected one of sgd, adam, adamw"),
    (trained("adam: 1"), "line 5: 'adam' is 1, expected true or false"),
    (trained("name: a/b"), "line 5: 'name' is 'a/b', expected letters"),
    (trained("project: x"), "line 5: 'train' has no option 'project'"),
    (trained("data: x"), "line 5: the key 'data' is there twice"),
    (trained("weights: ${dense}"), "line 5: ${dense} is neither a variable nor a stage before this one"),
    ("stages:\n  - {stage: train, cfg: yolov5n}", "line 2: 'train' needs the option 'data'"),
    ("stages:\n  - {stage: eval}", "line 2: 'eval' needs the option 'devkit'"),
    (
        "stages:\n  - {stage: prune, weights: w, percent: 0.5, flops: 0.4}",
        "line 2: argument --flops: not allowed with argument --percent",
    ),
    ("stages:\n  - {stage: prune, weights: w, score: taylor}", "line 2: --score taylor needs --data"),
    (
        "variables: {p: 1}\nstages:\n  - {stage: prune, weights: w, percent: '${p}', flops: 0.4}",
        "line 3: argument --flops: not allowed with argument --percent",
    ),
    ("stages:\n  - {stage: speed, image_dir: s}", "line 2: 'speed' needs the option 'source'"),
    (
        "stages:\n  - {stage: val, weights: w, data: d}\n  - {stage: val, weights: w, data: d}",
        "line 3: the name 'val' is taken",
    ),
    (
        "common: {imgs: 3}\nstages:\n  - {stage: val, weights: w, data: d}",
        "line 1: no stage has the option 'imgs' (did",
    ),
    ("variables: {w:}\nstages:\n  - {stage: val, weights: w, data: d}", "line 1: the variable 'w' has no value"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[row[1] for row in BAD])
def test_bad_recipes(
    tmp_path: Path, verbs: dict[str, Verb], text: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReportedError) as caught:
        read(tmp_path, text, verbs)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_a_misspelt_variable_on_the_command_line(tmp_path: Path, verbs: dict[str, Verb]) -> None:
    with pytest.raises(UsageError, match=r"--set vco: r\.yaml has no variable 'vco' \(did you mean 'voc'\?\)"):
        read(tmp_path, GOOD, verbs, vco="x")


def test_a_missing_recipe(verbs: dict[str, Verb]) -> None:
    with pytest.raises(DataError, match=r"gone\.yaml: there is no such recipe"):
        read_recipe(Path("gone.yaml"), {}, verbs)


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks" / "recipes").glob("*.yaml")), ids=lambda file: file.name)
def test_the_recipes_of_the_benchmarks_are_right(file: Path, verbs: dict[str, Verb]) -> None:
    given = {"voc": "VOCdevkit", "weights": "yolov5n.pt", "names": "my.names"}
    if "frontier-scratch" in file.name:
        del given["weights"]
    recipe = read_recipe(file, given, verbs)
    *_, makes, scores = (stage.verb for stage in recipe.stages)
    assert makes in ("export", "quantize") and scores == "eval"


def test_a_pipe_for_a_recipe_is_refused_at_once(tmp_path: Path, verbs: dict[str, Verb]) -> None:
    os.mkfifo(tmp_path / "r.yaml")
    with pytest.raises(DataError, match=r"r\.yaml"):
        read_recipe(tmp_path / "r.yaml", {}, verbs)
