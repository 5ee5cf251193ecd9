"""AdaRound and LSQ: better than the nearest numbers, the same for the same seed, within memory, and resumable."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from compress.cli import main
from compress.graph.graph_facts import GraphFacts
from compress.quantize.arithmetic import whole_bias
from compress.quantize.calibrate import calibrated
from compress.quantize.compared import agreement
from compress.quantize.float_run import outputs_over
from compress.quantize.layers import choose_layers
from compress.quantize.learn.blocks import SILU, blocks
from compress.quantize.learn.progress_file import progress_path
from compress.quantize.learn.reconstruct import Learning, reconstruct
from compress.quantize.methods import LEARNING
from compress.quantize.runnable import quantised_outputs
from deploy.errors import UsageError
from tests.compress.quantize.conftest import twin_model


def learn(small, inputs, method, out: Path, seed=0, memory=1.0, say=lambda sentence: None, steps=12):
    start = calibrated(small, choose_layers(GraphFacts(small)), inputs, "minmax", per_channel=False)
    found = reconstruct(small, start, inputs, Learning(method, steps, 1e-4, seed, memory), out, say)
    return start, found


def snr(small, quantization, inputs):
    before = list(outputs_over(small.SerializeToString(), inputs))
    return agreement(before, quantised_outputs(small, quantization, inputs), 3).snr


def test_blocks(small):
    found = blocks(GraphFacts(small), choose_layers(GraphFacts(small)))
    names = [[step.layer.name for step in block] for block in found]
    assert names == [["depthwise", "grouped"], ["point"], ["last"]]
    assert {step.activation for block in found for step in block} == {SILU}


@pytest.mark.parametrize("method", LEARNING)
def test_learning_comes_nearer_to_the_float_model(method, small, inputs, tmp_path):
    start, found = learn(small, inputs, method, tmp_path / "out")
    assert snr(small, found, inputs) > snr(small, start, inputs) + 3


def test_biases_are_those_of_the_scale_that_was_learnt(inputs, tmp_path):
    """The scale of a tensor that two blocks take is learnt in the first of them alone."""
    model = twin_model()
    start = calibrated(model, choose_layers(GraphFacts(model)), inputs, "minmax")
    found = reconstruct(
        model, start, inputs, Learning("lsq", 10, 1e-3, 0, 1.0), tmp_path / "out", lambda sentence: None
    )
    assert found.activations["grouped.act"] != start.activations["grouped.act"]
    constants = GraphFacts(model).constants
    for layer in found.whole:
        entry, activation = found.weights[layer.name], found.activations[layer.source]
        assert np.array_equal(entry.bias, whole_bias(constants[layer.bias], entry.scale, activation)), layer.name


@pytest.mark.parametrize("method", LEARNING)
def test_a_seed_is_a_model(method, small, inputs, tmp_path):
    def numbers(name, seed):
        _, found = learn(small, inputs, method, tmp_path / name, seed=seed, steps=6)
        return b"".join(entry.weight.tobytes() + entry.scale.tobytes() for entry in found.weights.values())

    one = numbers("one", 0)
    assert one == numbers("again", 0) != numbers("other", 1)


def test_too_little_memory(small, inputs, tmp_path):
    with pytest.raises(
        UsageError, match=r"--memory is 0.0001 GB, which holds no image of depthwise; expected at least 0\.00"
    ):
        learn(small, inputs, "adaround", tmp_path / "out", memory=0.0001)


def test_it_goes_on_where_it_was(small, inputs, tmp_path):
    _, expected = learn(small, inputs, "adaround", tmp_path / "whole", steps=5)
    told: list[str] = []

    def stop(sentence: str) -> None:
        if told:
            raise KeyboardInterrupt
        told.append(sentence)

    with pytest.raises(KeyboardInterrupt):
        learn(small, inputs, "adaround", tmp_path / "out", say=stop, steps=5)
    told = []
    _, found = learn(small, inputs, "adaround", tmp_path / "out", say=told.append, steps=5)
    assert told[0].endswith("layers have learnt before; going on behind them") and len(told) < 4
    for name, entry in expected.weights.items():
        assert np.array_equal(entry.weight, found.weights[name].weight)
    told = []
    learn(small, inputs, "adaround", tmp_path / "out", seed=7, say=told.append, steps=5)
    assert told[0].startswith("block 1 of 3")  # another seed is another run
    progress_path(tmp_path / "out").write_bytes(b"damaged")
    told = []
    learn(small, inputs, "adaround", tmp_path / "out", say=told.append, steps=5)
    assert told[0].startswith("block 1 of 3")


def test_the_verb_leaves_no_progress_behind(small, make_bundle, images, tmp_path, capsys):
    out = tmp_path / "int8"
    words = ["quantize", str(make_bundle(small)), "--calib", str(images), "--out", str(out), "--method", "lsq"]
    assert main([*words, "--steps", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "lsq" and not progress_path(out).exists()
