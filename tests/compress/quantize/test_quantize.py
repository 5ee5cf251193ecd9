"""`compress quantize` from the bundle to the bundle, and one sentence for all that it cannot take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from compress.cli import main
from compress.quantize.accepted import doubts
from compress.quantize.methods import METHODS
from compress.quantize.ranges import Statistics
from deploy.atc.build import build
from deploy.bundle import open_bundle
from deploy.errors import EnvironmentFault, ModelError
from deploy.hashes import file_sha256
from deploy.host.model.open_network import open_network
from deploy.host.numerics import INT8
from tests import schemas
from tests.compress.quantize.conftest import ROOT, small_model

Bundles = Callable[..., Path]


def quantize(bundle: Path, images: Path, out: Path, *more: str) -> int:
    return main(["quantize", str(bundle), "--calib", str(images), "--out", str(out), *more])


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse", "trt"])
def test_methods(method, small, make_bundle, images, tmp_path, capsys):
    out = tmp_path / "int8"
    assert quantize(make_bundle(small), images, out, "--method", method, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["int8_layers"], answer["layers"]) == (4, 6) and answer["snr_db"] > 15
    assert "3 channels" in answer["float_layers"]["stem"] and "raw head" in answer["float_layers"]["head"]
    bundle = open_bundle(out)
    assert bundle.quantization["precision"] == "int8" and bundle.quantization["method"] == method
    assert bundle.atc[1] == "--model=model_deploy.onnx" and bundle.converted == "model_deploy.onnx"
    report = json.loads((out / "quantization.json").read_text())
    training = sorted((images.parent / "images" / "train").glob("*.jpg"))
    assert report["images"] == [{"image": file.name, "sha256": file_sha256(file)} for file in training]
    offsets = {row["input_offset"] for row in report["layers"] if "input_offset" in row}
    assert (offsets == {0}) == (method == "trt")
    assert bundle.description["history"][-1]["stage"] == "quantize"
    schemas.validate(bundle.description, "bundle")
    schema = json.loads((ROOT / "docs" / "schemas" / "bundle.schema.json").read_text())
    assert set(schema["properties"]["quantization"]["properties"]["method"]["enum"]) == set(METHODS)


def test_the_host_runs_both_forms(small, make_bundle, images, inputs, tmp_path):
    out = tmp_path / "int8"
    assert quantize(make_bundle(small), images, out) == 0
    qdq, board = (open_network(str(out / "model.om"), half=half) for half in (False, True))
    assert (qdq.path.name, board.path.name) == ("model.onnx", "model_deploy.onnx")
    deploy = open_network(str(out / "model_deploy.om"), half=False)
    chips = [open_network(str(out / "model.om"), True, int8=chip) for chip in INT8]
    for image in inputs:
        expected = qdq.run([image])[0]
        assert np.array_equal(deploy.run([image])[0], expected)
        found = [chip.run([image])[0] for chip in chips]
        assert all(0 < np.abs(one - expected).max() < 0.2 * np.abs(expected).max() for one in found)
        assert len({one.tobytes() for one in found}) == len(INT8)


def test_lint_and_cost_know_what_was_made(small, make_bundle, images, tmp_path, capsys):
    out, plain = tmp_path / "int8", make_bundle(small)
    assert quantize(plain, images, out) == 0
    capsys.readouterr()
    for model in (out, out / "model_deploy.onnx"):
        assert main(["lint", str(model), "--cann", "8.5", "--json"]) in (0, 4)
        rules = [finding["rule"] for finding in json.loads(capsys.readouterr().out)["findings"]]
        assert not [rule for rule in rules if rule.startswith(("int8", "qdq", "operator", "runs"))]
    for model in (out, out / "model_deploy.onnx"):
        assert main(["lint", str(model), "--fix", "--out", str(tmp_path / "fixed.onnx")]) == 4
        assert "rewrite the float model, and quantise it again" in capsys.readouterr().err
    assert not (tmp_path / "fixed.onnx").exists()
    told = {}
    for model in (plain, out, out / "model.onnx"):
        assert main(["cost", str(model), "--layers", "--json"]) == 0
        told[model.name] = json.loads(capsys.readouterr().out)
    forms = [[layer["name"] for layer in told[name]["layers"] if layer["int8"]] for name in ("int8", "model.onnx")]
    assert [len(names) for names in forms] == [4, 4] and not any(layer["int8"] for layer in told["bundle"]["layers"])
    assert told["int8"]["bytes"] < told["bundle"]["bytes"] and told["int8"]["flops"] == told["bundle"]["flops"]


def test_build_converts_the_deploy_graph(small, make_bundle, images, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    out = tmp_path / "int8"
    assert quantize(make_bundle(small), images, out) == 0
    with pytest.raises(EnvironmentFault):
        build(out, "Ascend910A")
    assert "--model=model_deploy.onnx" in (out / "atc.sh").read_text()
    assert "int8 for Ascend310, Ascend310P, Ascend310B; nothing is known" in capsys.readouterr().err


def test_build_refuses_what_is_not_in_the_form_that_the_bundle_names(small, make_bundle, images, tmp_path):
    out = tmp_path / "int8"
    assert quantize(make_bundle(small), images, out) == 0
    qdq = onnx.load(str(out / "model.onnx"))
    with pytest.raises(ModelError, match="has QuantizeLinear, which ATC does not take"):
        build(make_bundle(qdq, "qdq"), cann="8.0")
    described = json.loads((out / "bundle.json").read_text())
    (out / "model_deploy.onnx").write_bytes(small.SerializeToString())
    described["files"]["model_deploy.onnx"] = file_sha256(out / "model_deploy.onnx")
    (out / "bundle.json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match="has no AscendQuant, but the bundle says that it is int8"):
        build(out)


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    entry = made.graph.initializer[0]
    entry.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(entry).astype(np.float16), entry.name))
    cast = helper.make_node("Cast", [entry.name], ["wide"], name="cast", to=1)
    made.graph.node[0].input[1] = "wide"
    made.graph.node.insert(0, cast)
    return made


def with_nms(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for name, values in (("boxes", np.zeros((1, 1, 4))), ("scores", np.zeros((1, 1, 1)))):
        made.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    made.graph.node.append(helper.make_node("NonMaxSuppression", ["boxes", "scores"], ["kept"], name="nms"))
    made.graph.output.append(helper.make_tensor_value_info("kept", onnx.TensorProto.INT64, [None, 3]))
    return made


def with_qdq(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.graph.initializer.append(numpy_helper.from_array(np.array(0.1, np.float32), "s"))
    pair = [helper.make_node("QuantizeLinear", ["images", "s"], ["q"], name="q")]
    pair.append(helper.make_node("DequantizeLinear", ["q", "s"], ["d"], name="d"))
    made.graph.node[0].input[0] = "d"
    for node in reversed(pair):
        made.graph.node.insert(0, node)
    return made


def collapsing(model: onnx.ModelProto) -> onnx.ModelProto:
    """One channel of the sums is a million times the others, so that these all fall on one step of int8."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for entry in made.graph.initializer:
        values = numpy_helper.to_array(entry).copy()
        if entry.name in ("grouped.w", "grouped.b"):
            values[0] *= 1e6
        elif entry.name in ("point.w", "last.w"):
            values[:, 0] = 0
        else:
            continue
        entry.CopyFrom(numpy_helper.from_array(values, entry.name))
    return made


MODELS = [
    pytest.param(half, 4, "is float16 (weights such as 'stem.w'); expected the float32 model", id="fp16"),
    pytest.param(with_nms, 4, "suppresses boxes inside the graph (NonMaxSuppression 'nms')", id="NMS inside"),
    pytest.param(with_qdq, 4, "is quantised already (QuantizeLinear 'q'); expected a float32", id="quantised"),
    pytest.param(collapsing, 4, "'sum', quantised for last, does most of it alone", id="collapsing scores"),
]


@pytest.mark.parametrize(("change", "code", "sentence"), MODELS)
def test_models(change, code, sentence, small, make_bundle, images, tmp_path, capsys):
    assert quantize(make_bundle(change(small)), images, tmp_path / "int8", "--method", "minmax") == code
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("error: ") and sentence in told, told
    assert not (tmp_path / "int8").exists() and not list(tmp_path.glob(".int8*"))


def test_an_int8_bundle_again(small, make_bundle, images, tmp_path, capsys):
    assert quantize(make_bundle(small), images, tmp_path / "int8") == 0
    assert quantize(tmp_path / "int8", images, tmp_path / "again") == 4
    assert "is an int8 bundle already; quantise the float bundle" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        pytest.param(["--keep", "pont"], 2, "--keep 'pont' matches no convolution", id="a typo"),
        pytest.param(["--keep", "*"], 4, "none of its 6 convolutions can be quantised", id="everything kept"),
        pytest.param(["--method", "best"], 2, "invalid choice: 'best'", id="no method"),
        pytest.param(["--count", "0"], 2, "--count is 0, expected 1 to 100000", id="no images wanted"),
    ],
)
def test_options(more, code, sentence, small, make_bundle, images, tmp_path, capsys):
    try:
        found = quantize(make_bundle(small), images, tmp_path / "int8", *more)
    except SystemExit as end:  # what argparse refuses
        found = int(end.code or 0)
    assert found == code and sentence.replace("; did", "").split(" did")[0] in capsys.readouterr().err.replace(
        "; did", ""
    )


def test_the_bundle_itself_is_no_place_for_the_result(small, make_bundle, images, tmp_path, capsys):
    bundle = make_bundle(small)
    (tmp_path / "alias").symlink_to(bundle)
    for out in (bundle, tmp_path / "alias"):
        assert quantize(bundle, images, out) == 2
        assert "the very bundle to quantise; expected another folder" in capsys.readouterr().err


def test_keep(small, make_bundle, images, tmp_path, capsys):
    assert quantize(make_bundle(small), images, tmp_path / "int8", "--keep", "p*", "--json") == 0
    assert json.loads(capsys.readouterr().out)["float_layers"]["point"] == "--keep names it"


@pytest.mark.parametrize(
    ("made", "code", "sentence"),
    [
        pytest.param("missing", 3, "is missing", id="no such folder"),
        pytest.param("empty", 3, "there is no image", id="no image"),
        pytest.param("broken", 3, "none of the 2 calibration images can be read", id="no readable image"),
        pytest.param("single", 0, "a single image says little", id="a single one"),
        pytest.param("test", 0, "lies in a folder test: calibrate with training images", id="of the test split"),
        pytest.param("sizes", 0, "does not say that its images are training images", id="another size, no split"),
    ],
)
def test_images(made, code, sentence, small, make_bundle, images, tmp_path, capsys):
    folder = tmp_path / "pictures"
    source = sorted((images.parent / "images" / "test").glob("*.jpg"))
    if made == "test":
        folder = source[0].parent
    elif made != "missing":
        folder.mkdir()
    if made == "broken":
        for number in range(2):
            (folder / f"{number}.jpg").write_bytes(b"no image")
    elif made == "single":
        (folder / "one.jpg").write_bytes(source[0].read_bytes())
    elif made == "sizes":
        for number, side in enumerate(((48, 200), (333, 64))):
            cv2.imwrite(str(folder / f"{number}.jpg"), np.full((*side, 3), 90, np.uint8))
    assert quantize(make_bundle(small), folder, tmp_path / "int8", "--method", "minmax") == code
    assert sentence in capsys.readouterr().err


def test_images_of_another_scene_are_told_of(make_bundle, images, tmp_path, capsys):
    model = small_model()
    for entry in model.graph.initializer:
        if entry.name == "head.b":
            entry.CopyFrom(numpy_helper.from_array(np.full(24, -30, np.float32), entry.name))
    assert quantize(make_bundle(model), images, tmp_path / "int8", "--method", "minmax") == 0
    assert "finds objects in 0 of 4 calibration images" in capsys.readouterr().err


def test_an_image_far_from_the_others_is_told_of():
    """Its peaks are five times the median in one of three layers, which is more than a fifth of them."""
    near, far = [1.0, 1.1, 0.9, 1.0], [1.0, 5.0, 1.0, 0.9]
    files = [Path(f"{number}.jpg") for number in range(4)]
    for peaks, expected in (([near, near, far], ["1.jpg"]), ([near, near, near], [])):
        known = {str(n): Statistics(0, max(entry), np.zeros(1), list(entry)) for n, entry in enumerate(peaks)}
        told = doubts(known, [[np.zeros((1, 2))]] * 4, files, 3)
        assert [name for sentence in told for name in ("0.jpg", "1.jpg") if name in sentence] == expected
        assert not told or "more than 4 times what they give for the others" in told[0]


def test_nothing_is_half_written(small, make_bundle, images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "int8"
    assert quantize(make_bundle(small), images, out) == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("compress.quantize.bundle.write_description", interrupted)
    assert quantize(tmp_path / "bundle", images, out, "--method", "trt") == 130
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert not list(tmp_path.glob(".int8*"))
