"""verify: a bundle that holds, and each way in which one does not; over the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from compress.cli import main
from compress.export.bundle import write_bundle
from compress.export.onnx_file import to_onnx
from compress.graph.proof_images import proof_images
from compress.nets.checkpoint import save_checkpoint
from deploy.hashes import file_sha256

Answer = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, least_model: Callable[..., Any]) -> Path:
    """best.safetensors, other.safetensors, and bundle, which was made of the first."""
    root = tmp_path_factory.mktemp("lab")
    model = least_model(["a", "b"])
    save_checkpoint(model, root / "best.safetensors", [])
    save_checkpoint(model, root / "other.safetensors", [{"stage": "train"}])
    made = to_onnx(model, 64, proof_images(None, 64))
    entry = {"stage": "export", "settings": {}, "sha256": file_sha256(root / "best.safetensors")}
    prune = {"stage": "prune", "masked_difference": 1e-15}
    write_bundle(model, made, root / "bundle", 64, [prune, {**entry, "onnx_difference": made.difference}])
    return root


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs verify; gives its exit code, what --json says and what stands on stderr."""

    def asked(*words: str | Path) -> tuple[int, dict[str, Any], str]:
        code = main(["verify", *map(str, words), "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    return asked


def rewritten(lab: Path, to: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """A copy of the bundle whose model was changed, with hashes that fit it."""
    shutil.copytree(lab / "bundle", to)
    model = onnx.load(str(to / "model.onnx"))
    change(model)
    onnx.save(model, str(to / "model.onnx"))
    about = json.loads((to / "bundle.json").read_text())
    about["files"]["model.onnx"] = file_sha256(to / "model.onnx")
    (to / "bundle.json").write_text(json.dumps(about))
    return to


def test_a_whole_bundle_holds(lab: Path, ask: Answer) -> None:
    code, found, _ = ask(lab / "bundle", "--made-of", lab / "best.safetensors")
    assert (code, found["holds"], found["fault"]) == (0, True, "")
    rungs = {rung["rung"]: rung for rung in found["rungs"]}
    assert list(rungs) == ["pruned", "checkpoint", "onnx", "simplified", "float", "board"]
    assert rungs["pruned"]["recorded"] and not rungs["onnx"]["recorded"]
    assert 0 <= rungs["onnx"]["relative"] < 1e-4 and rungs["float"]["max_abs"] == 0
    assert rungs["board"]["max_abs"] > 0, "half precision leaves its mark"


def test_without_its_checkpoint_the_ladder_begins_at_the_bundle(lab: Path, ask: Answer) -> None:
    code, found, _ = ask(lab / "bundle")
    assert code == 0
    assert [(rung["rung"], rung["recorded"]) for rung in found["rungs"]][:3] == [
        ("pruned", True),
        ("onnx", True),
        ("simplified", False),
    ]


def test_the_devkit_gives_map_and_the_chip_its_boxes(lab: Path, ask: Answer, tmp_path: Path) -> None:
    year = tmp_path / "VOCdevkit" / "VOC2007"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (year / part).mkdir(parents=True)
    from ultralytics.utils import ASSETS

    shutil.copyfile(ASSETS / "bus.jpg", year / "JPEGImages" / "bus.jpg")
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    (year / "Annotations" / "bus.xml").write_text(
        f"<annotation><size><width>810</width><height>1080</height></size>"
        f"<object><name>a</name>{box}</object></annotation>"
    )
    (year / "ImageSets" / "Main" / "test.txt").write_text("bus\n")
    chip = tmp_path / "txt_result"
    chip.mkdir()
    (chip / "det_test_a.txt").write_text("bus 0.99 1 1 9 9\n")
    code, found, said = ask(lab / "bundle", "--images", tmp_path / "VOCdevkit", "--device", chip)
    last = found["rungs"][-1]
    assert (last["rung"], last["boxes"], last["map50_95"]) == ("device", 1, 1.0)
    assert code == 4 and not found["holds"]
    assert "the rung 'device' is broken: 0.0% of the boxes match" in said


def louder(model: onnx.ModelProto) -> None:
    """A weight of the last convolution is another one."""
    node = next(node for node in reversed(model.graph.node) if node.op_type == "Conv")
    weights = next(entry for entry in model.graph.initializer if entry.name == node.input[1])
    values = onnx.numpy_helper.to_array(weights) * 1.01
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))


@pytest.mark.parametrize(
    ("damage", "words", "code", "sentence"),
    [
        pytest.param(
            lambda lab, to: rewritten(lab, to, louder),
            ["--made-of", "{lab}/best.safetensors"],
            4,
            "the rung 'simplified' is broken: raw outputs differ by",
            id="a weight changed, and its hash with it",
        ),
        pytest.param(
            lambda lab, to: edited(lab, to, "model.onnx"), [], 4, "is not the model that was exported", id="the model"
        ),
        pytest.param(
            lambda lab, to: edited(lab, to, "eval.cfg"), [], 4, "eval.cfg was edited since the export", id="thresholds"
        ),
        pytest.param(
            lambda lab, to: edited(lab, to, ""), ["--made-of", "{lab}/other.safetensors"], 2, "was not made of it",
            id="another checkpoint",
        ),
        pytest.param(
            lambda lab, to: edited(lab, to, ""), ["--made-of", "gone.pt"], 3, "no such checkpoint", id="no checkpoint"
        ),
        pytest.param(lambda lab, to: edited(lab, to, ""), ["--images", "gone"], 3, "found no folder", id="no images"),
        pytest.param(lambda lab, to: edited(lab, to, ""), ["--device", "gone"], 3, "there is no folder", id="no boxes"),
    ],
)  # fmt: skip
def test_what_does_not_hold(
    damage: Callable[[Path, Path], Path], words: list[str], code: int, sentence: str, lab: Path, ask: Answer,
    tmp_path: Path,
) -> None:  # fmt: skip
    bundle = damage(lab, tmp_path / "damaged")
    found, _, said = ask(bundle, *(word.format(lab=lab) for word in words))
    assert found == code
    assert sentence in said and "Traceback" not in said


def edited(lab: Path, to: Path, name: str) -> Path:
    shutil.copytree(lab / "bundle", to)
    if name:
        with (to / name).open("ab") as file:
            file.write(b"\n")
    return to
