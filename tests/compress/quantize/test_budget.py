"""`--budget-drop`: the fewest layers in float that keep a wanted mAP, and what it is scored on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest

from compress.cli import main
from compress.quantize.budget import REASON, fewest


@pytest.mark.parametrize(
    ("enough", "most", "expected"),
    [
        pytest.param(1, 9, 1, id="one"),
        pytest.param(9, 9, 9, id="all"),
        pytest.param(5, 9, 5, id="some"),
        pytest.param(10, 9, None, id="more than there are"),
        pytest.param(1, 0, None, id="none to put back"),
    ],
)
def test_halving_finds_the_fewest(enough, most, expected):
    tried = []
    assert fewest(most, lambda count: tried.append(count) or count >= enough) == expected
    assert len(tried) <= 5 and len(set(tried)) == len(tried)


@pytest.fixture
def devkit(images, tmp_path) -> Path:
    """The training images as a devkit with the sets train and val."""
    root = tmp_path / "VOCdevkit" / "VOC2007"
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    files = sorted((images.parent / "images" / "train").glob("*.jpg"))
    for file in files:
        shutil.copyfile(file, root / "JPEGImages" / file.name)
    for name in ("train", "val"):
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text("".join(f"{file.stem}\n" for file in files))
    return root.parent


@pytest.fixture
def each_layer_costs_a_point(monkeypatch):
    """In place of an evaluation: mAP@0.5:0.95 falls by 0.01 with each layer that is int8 in the bundle."""

    def evaluate(target, *_):
        file = target.model / "model_deploy.onnx"
        nodes = onnx.load(str(file)).graph.node if file.is_file() else []
        whole = sum(node.op_type == "AscendDequant" for node in nodes)
        return SimpleNamespace(report=SimpleNamespace(map50_95=0.5 - 0.01 * whole))

    monkeypatch.setattr("compress.quantize.budget.evaluate", evaluate)


@pytest.mark.parametrize(
    ("points", "put_back"),
    [pytest.param("4.5", 0, id="all may stay"), pytest.param("2.5", 2, id="two"), pytest.param("1.5", 3, id="three")],
)
def test_the_most_sensitive_layers_are_put_back(
    points, put_back, small, make_bundle, devkit, tmp_path, each_layer_costs_a_point, capsys
):
    bundle, out = make_bundle(small), tmp_path / "int8"
    command = ["quantize", str(bundle), "--calib", str(devkit), "--out", str(out), "--budget-drop", points, "--json"]
    assert main(command) == 0
    answer = json.loads(capsys.readouterr().out)
    back = {name for name, reason in answer["float_layers"].items() if reason == REASON}
    assert len(back) == put_back and answer["int8_layers"] == 4 - put_back
    assert main(["sensitivity", str(bundle), "--calib", str(devkit), "--json"]) == 0
    ranked = [row["layer"] for row in json.loads(capsys.readouterr().out)["layers"]]
    assert back == set(ranked[:put_back])


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        pytest.param(["--budget-drop", "0.5"], 4, "even with one layer on int8 mAP@0.5:0.95 falls by more", id="none"),
        pytest.param(["--budget-drop", "-1"], 2, "--budget-drop is -1, expected points of mAP", id="below 0"),
        pytest.param(["--devkit", "kit"], 2, "only --budget-drop is scored on", id="a devkit for nothing"),
        pytest.param(["--budget-drop", "1", "--image-set", "gone"], 3, "gone", id="no such image set"),
        pytest.param(["--budget-drop", "1", "--devkit", "gone"], 3, "the devkit gone does not exist", id="no devkit"),
    ],
)
def test_what_cannot_be_met(
    more, code, sentence, small, make_bundle, devkit, tmp_path, each_layer_costs_a_point, capsys
):
    assert (
        main(["quantize", str(make_bundle(small)), "--calib", str(devkit), "--out", str(tmp_path / "o"), *more]) == code
    )
    assert sentence in capsys.readouterr().err and not (tmp_path / "o").exists()


def test_a_data_yaml_is_no_devkit(small, make_bundle, images, tmp_path, capsys):
    command = ["quantize", str(make_bundle(small)), "--calib", str(images), "--out", str(tmp_path / "o")]
    assert main([*command, "--budget-drop", "1"]) == 2
    assert "name the devkit with --devkit" in capsys.readouterr().err
