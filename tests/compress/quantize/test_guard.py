"""A quantised model whose scores collapsed is refused by the tensor that did it; one that lost some is told of."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from compress.graph.graph_facts import GraphFacts
from compress.quantize import guard
from compress.quantize.calibrate import calibrated
from compress.quantize.compared import Agreement
from compress.quantize.float_run import outputs_over
from compress.quantize.layers import choose_layers
from deploy.errors import ModelError
from tests.compress.quantize.test_quantize import quantize


@pytest.mark.parametrize(
    ("factor", "sentence"),
    [
        pytest.param(1.0, "", id="as calibrated"),
        pytest.param(1e-3, "a.onnx: the outputs collapsed: their signal to noise is", id="all values clipped"),
        pytest.param(300.0, "a.onnx: the (outputs|scores) collapsed", id="all values rounded to nothing"),
    ],
)
def test_scores_that_collapsed(factor, sentence, small, inputs):
    """The input of `last` is quantised with a step that is too small or too large."""
    good = calibrated(small, choose_layers(GraphFacts(small)), inputs, "minmax")
    step = replace(good.activations["sum"], scale=good.activations["sum"].scale * factor)
    quantization = replace(good, activations={**good.activations, "sum": step})
    before = list(outputs_over(small.SerializeToString(), inputs))
    if not sentence:
        assert guard.check_scores(small, quantization, inputs, before, 3, "a.onnx").lost < 0.1
        return
    with pytest.raises(ModelError, match=sentence) as caught:
        guard.check_scores(small, quantization, inputs, before, 3, "a.onnx")
    assert "'sum', quantised for last, does most of it alone" in str(caught.value)
    assert str(caught.value).endswith("--keep 'last', or take another method or images; nothing was written")


@pytest.mark.parametrize(
    ("found", "kept", "told"),
    [
        pytest.param(1000, 990, "", id="as methods that fit do"),
        pytest.param(1000, 971, "", id="just within the limit"),
        pytest.param(1000, 960, "entropy lost 4.0% of the float model's findings", id="more: mAP suffers"),
        pytest.param(0, 0, "", id="the float model finds nothing"),
    ],
)
def test_doubt(found: int, kept: int, told: str) -> None:
    sentence = guard.doubt(Agreement(found=found, kept=kept), "entropy")
    assert sentence.startswith(told) and bool(sentence) is bool(told)


def test_it_is_said_and_kept(small, make_bundle, images, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(guard, "MANY_LOST", -1.0)
    assert quantize(make_bundle(small), images, tmp_path / "int8", "--method", "minmax", "--json") == 0
    told = capsys.readouterr()
    sentence = json.loads(told.out)["notes"][-1]
    assert sentence.startswith("minmax lost ") and f"warning: {sentence}\n" in told.err
