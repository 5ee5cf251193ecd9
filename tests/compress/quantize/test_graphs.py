"""Both forms of a quantisation: what they hold, and that they compute the same numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compress.graph.graph_facts import GraphFacts, attributes
from compress.graph.load import load_onnx
from compress.quantize.arithmetic import Activation, quantised_weights, weight_scale
from compress.quantize.calibrate import calibrated
from compress.quantize.deploy_graph import deploy_graph
from compress.quantize.float_run import outputs_over
from compress.quantize.layers import choose_layers
from compress.quantize.qdq_graph import qdq_graph
from compress.quantize.quantization import Quantization
from deploy.errors import ModelError
from deploy.host.model.ascend_int8 import FUSIONS, lowered
from deploy.host.model.qdq_form import in_ascend_form
from tests.compress.quantize.conftest import small_model, twin_model

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=[True, False], ids=["per channel", "per tensor"])
def quantization(request, small, inputs) -> Quantization:
    return calibrated(small, choose_layers(GraphFacts(small)), inputs, "minmax", per_channel=request.param)


def test_deploy_graph(small, quantization, tmp_path):
    deploy = deploy_graph(small, quantization)
    onnx.save(deploy, str(tmp_path / "deploy.onnx"))
    load_onnx(tmp_path / "deploy.onnx")  # topological order and names, as onnx's checker has them
    weights = {entry.name: numpy_helper.to_array(entry) for entry in deploy.graph.initializer}
    kinds = [node.op_type for node in deploy.graph.node]
    assert kinds.count("AscendQuant") == kinds.count("AscendDequant") == 4
    assert [entry.version for entry in deploy.opset_import] == [11]
    assert len({node.name for node in deploy.graph.node}) == len(deploy.graph.node)
    for node in deploy.graph.node:
        if node.op_type == "AscendQuant":
            types = {entry.name: entry.type for entry in node.attribute}
            assert types["offset"] == types["scale"] == onnx.AttributeProto.FLOAT
        elif node.op_type == "AscendDequant":
            scale = weights[node.input[1]]
            assert scale.dtype == np.uint64 and scale.ndim == 1 and scale.max() < 1 << 32
        elif node.op_type == "Conv" and node.name.endswith("_quant"):
            assert weights[node.input[1]].dtype == np.int8 and weights[node.input[2]].dtype == np.int32
    floats = [node.name for node in deploy.graph.node if node.op_type == "Conv" and not node.name.endswith("_quant")]
    assert floats == ["stem", "head"]


def test_qdq_graph(small, quantization):
    qdq = qdq_graph(small, quantization, "small")
    onnx.checker.check_model(qdq, full_check=True)
    per_channel = any(entry.scale.size > 1 for entry in quantization.weights.values())
    assert GraphFacts(qdq).opset == (13 if per_channel else 11)
    weights = {entry.name: numpy_helper.to_array(entry) for entry in qdq.graph.initializer}
    pairs = [node for node in qdq.graph.node if node.op_type == "QuantizeLinear"]
    assert len(pairs) == 4
    for node in qdq.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in weights:
            assert not weights[node.input[2]].any() and attributes(node).get("axis", 0) == 0
        elif node.op_type == "DequantizeLinear":
            pair = next(entry for entry in pairs if entry.output[0] == node.input[0])
            assert list(pair.input[1:]) == list(node.input[1:])  # one scale and one zero point for both
    makers = {name: node for node in qdq.graph.node for name in node.output}
    assert all(makers[node.input[0]].op_type != "Conv" for node in pairs)  # nothing is quantised behind a convolution


def test_both_forms_are_the_same_numbers(small, quantization, inputs):
    deploy = lowered(deploy_graph(small, quantization).SerializeToString())
    qdq = lowered(in_ascend_form(qdq_graph(small, quantization, "small").SerializeToString()))
    plain = outputs_over(small.SerializeToString(), inputs)
    for one, other, expected in zip(
        outputs_over(deploy, inputs, FUSIONS), outputs_over(qdq, inputs, FUSIONS), plain, strict=True
    ):
        assert np.array_equal(one[0], other[0])
        assert 0 < np.abs(one[0] - expected[0]).max() < 0.3 * np.abs(expected[0]).max()


def test_onnxruntime_runs_the_qdq_form_by_itself(small, quantization, inputs):
    qdq = qdq_graph(small, quantization, "small").SerializeToString()
    ours = lowered(in_ascend_form(qdq))
    for one, other in zip(outputs_over(qdq, inputs), outputs_over(ours, inputs, FUSIONS), strict=True):
        assert np.abs(one[0] - other[0]).max() < 0.1 * np.abs(other[0]).max()  # single steps may tip


def test_a_tensor_that_feeds_two_layers_is_quantised_once(inputs):
    model = twin_model()
    found = calibrated(model, choose_layers(GraphFacts(model)), inputs, "minmax")
    operators = [node.op_type for node in deploy_graph(model, found).graph.node]
    assert operators.count("AscendQuant") == operators.count("AscendDequant") - 1 == 4


def test_an_opset_that_cannot_be_raised(small, quantization):
    if all(entry.scale.size == 1 for entry in quantization.weights.values()):
        pytest.skip("per tensor needs no newer opset")
    old = small_model()
    old.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match=r"old has opset 11; .* needs 13, .*--per-tensor"):
        qdq_graph(old, quantization, "old")


def test_golden(shared):
    """Weights, biases and scales of msmodelslim's graph for the demo model, bit for bit, from the same scales."""
    told = json.loads((shared / "golden" / "int8" / "scales.json").read_text())["layers"]
    other = onnx.load(str(shared / "golden" / "int8" / "demo_msmodelslim.onnx"))
    model = load_onnx(ROOT / "models" / "demo" / "model.onnx")
    facts = GraphFacts(model)
    layers = [replace(layer, kept="") for layer in choose_layers(facts)]
    by_name = {entry["layer"]: entry for entry in told}
    taken, weights = {}, {}
    for layer in layers:
        entry = by_name[layer.name]
        activation = Activation(entry["input_scale"], entry["input_offset"])
        taken[layer.source] = activation
        scale = np.array(entry["weight_scale"], np.float32)
        assert np.array_equal(weight_scale(facts.constants[layer.weight]), scale)
        weights[layer.name] = quantised_weights(
            facts.constants[layer.weight], facts.constants[layer.bias], scale, activation
        )
    ours = deploy_graph(model, Quantization(layers, taken, weights))
    assert _told(ours) == _told(other)


def _told(model: onnx.ModelProto) -> dict[str, tuple]:
    """By the float convolution's name: all that its quantised form holds; names and order of nodes do not count."""
    weights = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    takers = {name: node for node in model.graph.node for name in node.input}
    found = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            quant, dequant = makers[node.input[0]], takers[node.output[0]]
            assert (quant.op_type, dequant.op_type) == ("AscendQuant", "AscendDequant")
            values = attributes(quant)
            held = [weights[name] for name in (*node.input[1:], dequant.input[1])]
            about = {key: value for key, value in attributes(node).items() if key != "group" or value != 1}
            found[node.name.removesuffix("_quant")] = (
                float(values["scale"]),
                float(values["offset"]),
                [(array.dtype.str, array.shape, array.tobytes()) for array in held],
                sorted(about.items()),
            )
    kinds = [node.op_type for node in model.graph.node if node.op_type != "Constant"]
    counts = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    return {**found, "": (counts,)}
