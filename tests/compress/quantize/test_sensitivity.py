"""Which layers int8 hurts, and what the corrections make of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from onnx import helper, numpy_helper

from compress.cli import main
from compress.graph.graph_facts import GraphFacts
from compress.quantize.calibrate import calibrated
from compress.quantize.correct_bias import correct_bias
from compress.quantize.equalize import equalize
from compress.quantize.float_run import FloatRun, outputs_over
from compress.quantize.fold_batch_norm import fold_batch_norm
from compress.quantize.layers import choose_layers
from compress.quantize.ranges import collect
from compress.quantize.runnable import quantised_outputs
from compress.quantize.sensitivity import layer_costs
from tests.compress.quantize.conftest import small_model


def test_the_layer_that_hurts_comes_first(inputs):
    model = small_model()
    for entry in model.graph.initializer:
        if entry.name == "last.w":
            values = numpy_helper.to_array(entry).copy()
            values[:, 0] *= 300  # with one scale for all, the other weights vanish
            entry.CopyFrom(numpy_helper.from_array(values, entry.name))
    start = calibrated(model, choose_layers(GraphFacts(model)), inputs, "minmax", per_channel=False)
    before = list(outputs_over(model.SerializeToString(), inputs))
    costs = layer_costs(model, start, inputs, before, 3)
    assert costs[0].layer == "last"
    alone, together = [cost.alone.snr for cost in costs], [cost.together.snr for cost in costs if cost.together]
    assert alone == sorted(alone) and together[0] <= together[-1] == pytest.approx(alone[-1])


def test_the_verb(small, make_bundle, images, tmp_path, capsys):
    out = tmp_path / "found"
    assert main(["sensitivity", str(make_bundle(small)), "--calib", str(images), "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {row["layer"] for row in answer["layers"]} == {"depthwise", "grouped", "point", "last"}
    assert json.loads((out / "sensitivity.json").read_text())["layers"] == answer["layers"]
    assert (out / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "sensitivity.json").write_text("mine")
    (mine / "letter.txt").write_text("mine")
    assert main(["sensitivity", str(make_bundle(small, "b")), "--calib", str(images), "--out", str(mine)]) == 2
    assert "mine" in capsys.readouterr().err and (mine / "sensitivity.json").read_text() == "mine"


def test_batch_norms_are_folded(small):
    model = small_model()
    random = np.random.default_rng(3)
    names = ("gamma", "beta", "mean", "variance")
    for name in names:
        values = (random.random(32) + 0.5).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    place = next(i for i, node in enumerate(model.graph.node) if node.name == "stem") + 1
    for node in model.graph.node[place:]:
        for i, name in enumerate(node.input):
            if name == "stem.out":
                node.input[i] = "stem.normed"
    norm = helper.make_node("BatchNormalization", ["stem.out", *names], ["stem.normed"], name="norm")
    model.graph.node.insert(place, norm)
    folded, count = fold_batch_norm(model, "model")
    assert count == 1 and all(node.op_type != "BatchNormalization" for node in folded.graph.node)
    assert fold_batch_norm(small, "small") == (small, 0)


def test_equalising_evens_out_channels_between_relus(small):
    assert equalize(small, "small") == (small, 0)  # SiLU does not keep factors
    equal, pairs = equalize(small_model(activation="relu"), "model")
    assert pairs == 1  # last -> head; depthwise and grouped ones and sums are no pairs
    weights = {entry.name: numpy_helper.to_array(entry) for entry in equal.graph.initializer}
    out = np.abs(weights["last.w"]).reshape(32, -1).max(axis=1)
    into = np.abs(weights["head.w"]).max(axis=(0, 2, 3))
    assert np.allclose(out, into, rtol=1e-3)


def test_biases_take_back_what_rounding_moved(small, inputs):
    start = calibrated(small, choose_layers(GraphFacts(small)), inputs, "minmax", per_channel=False)
    corrected = correct_bias(small, start, inputs)
    wanted = [value[0].mean() for value in outputs_over(small.SerializeToString(), inputs)]

    def off(quantization):
        found = [value[0].mean() for value in quantised_outputs(small, quantization, inputs)]
        return abs(np.mean(found) - np.mean(wanted))

    assert off(corrected) < off(start)


def test_statistics_are_those_of_the_values(small, inputs):
    found = collect(small, ["stem.act", "sum"], inputs)
    values = [FloatRun(small, ["sum"])(image)["sum"] for image in inputs]
    every = np.concatenate([value.ravel() for value in values])
    assert (found["sum"].low, found["sum"].high) == (every.min(), every.max())
    counts = np.histogram(every, len(found["sum"].counts), (every.min(), every.max()))[0]
    assert np.abs(found["sum"].counts - counts).sum() < 0.01 * every.size
    assert found["sum"].peaks == [pytest.approx(np.abs(value).max()) for value in values]
