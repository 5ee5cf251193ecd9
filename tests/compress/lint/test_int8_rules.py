"""Both forms of int8 pass lint as they are written; each trap in them is a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from compress.graph.graph_facts import GraphFacts
from compress.graph.load import load_onnx
from compress.lint.run import lint
from compress.lint.subject import Subject
from compress.quantize.calibrate import calibrated
from compress.quantize.deploy_graph import deploy_graph
from compress.quantize.layers import choose_layers
from compress.quantize.qdq_graph import qdq_graph
from tests.compress.quantize.conftest import small_model

Change = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def forms() -> dict[str, onnx.ModelProto]:
    small = small_model()
    random = np.random.default_rng(0)
    images = [random.random((1, 3, 64, 64), np.float32) for _ in range(2)]
    found = calibrated(small, choose_layers(GraphFacts(small)), images, "minmax")
    return {"deploy": deploy_graph(small, found), "qdq": qdq_graph(small, found, "small")}


def rules(model: onnx.ModelProto) -> dict[str, tuple[str, str]]:
    """What lint says of int8, as CANN 8.5 reads it."""
    findings = lint(Subject(GraphFacts(model), "m.onnx", "8.5", "Ascend310"), activations=False)
    return {
        f.rule: (f.severity, f.sentence) for f in findings if f.rule.startswith(("int8", "qdq", "operator", "node"))
    }


def first(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


def values(model: onnx.ModelProto, name: str, changed: Callable[[np.ndarray], np.ndarray]) -> None:
    entry = next(entry for entry in model.graph.initializer if entry.name == name)
    entry.CopyFrom(numpy_helper.from_array(changed(numpy_helper.to_array(entry)), name))


def whole_offset(model: onnx.ModelProto) -> None:
    node = first(model, "AscendQuant")
    kept = [entry for entry in node.attribute if entry.name != "offset"]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("offset", 3)])


def no_scale(model: onnx.ModelProto) -> None:
    node = first(model, "AscendQuant")
    kept = [entry for entry in node.attribute if entry.name != "scale"]
    del node.attribute[:]
    node.attribute.extend(kept)


def whole_conv(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == "Conv" and node.name.endswith("_quant"))


def float_weights(model: onnx.ModelProto) -> None:
    values(model, whole_conv(model).input[1], lambda w: w.astype(np.float32))


def float_bias(model: onnx.ModelProto) -> None:
    values(model, whole_conv(model).input[2], lambda b: b.astype(np.float32))


def two_axes(model: onnx.ModelProto) -> None:
    values(model, first(model, "AscendDequant").input[1], lambda s: s.reshape(-1, 1))


def high_bits(model: onnx.ModelProto) -> None:
    values(model, first(model, "AscendDequant").input[1], lambda s: s | np.uint64(1 << 40))


def no_dequant(model: onnx.ModelProto) -> None:
    node = first(model, "AscendDequant")
    node.op_type = "Cast"
    del node.input[1:], node.attribute[:]
    node.attribute.append(helper.make_attribute("to", onnx.TensorProto.FLOAT))


def moved_int8(model: onnx.ModelProto) -> None:
    node = first(model, "AscendQuant")
    model.graph.node.append(helper.make_node("Relu", [node.output[0]], ["moved"], name="moved"))


def narrow(model: onnx.ModelProto) -> None:
    conv = whole_conv(model)
    values(model, conv.input[1], lambda w: w[:, :1])
    for entry in conv.attribute:
        if entry.name == "group":
            entry.i = 16


@pytest.mark.parametrize(
    ("form", "change", "rule", "severity", "said"),
    [
        pytest.param("deploy", whole_offset, "int8-attribute", "error", "of type INT; ATC reads FLOAT", id="offset"),
        pytest.param("deploy", no_scale, "int8-attribute", "error", "has no scale", id="no scale"),
        pytest.param("deploy", float_weights, "int8-weights", "error", "its weights are no int8", id="float weights"),
        pytest.param("deploy", float_bias, "int8-weights", "error", "its bias is no int32", id="float bias"),
        pytest.param("deploy", two_axes, "int8-scale", "error", "uint64 [32, 1]; ATC takes uint64 [32]", id="rank 2"),
        pytest.param("deploy", high_bits, "int8-scale", "error", "high 32 bits", id="a shift"),
        pytest.param("deploy", no_dequant, "int8-pattern", "error", "does not go into one AscendDequant", id="sums"),
        pytest.param("deploy", moved_int8, "int8-pattern", "error", "Relu 'moved' takes its int8", id="int8 elsewhere"),
        pytest.param("deploy", narrow, "int8-narrow", "warning", "of 16 channels or fewer", id="put back by ATC"),
    ],
)
def test_traps_of_the_form_for_atc(
    form: str, change: Change, rule: str, severity: str, said: str, forms: dict[str, onnx.ModelProto]
) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(forms[form])
    assert not {name for name in rules(model) if name.startswith("int8")}
    change(model)
    found = rules(model)
    assert found[rule][0] == severity and said in found[rule][1]


def other_scale(model: onnx.ModelProto) -> None:
    node = first(model, "QuantizeLinear")
    model.graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), "other"))
    node.input[1] = "other"


def alone(model: onnx.ModelProto) -> None:
    node = first(model, "QuantizeLinear")
    back = next(taker for taker in model.graph.node if node.output[0] in taker.input)
    back.op_type = "Cast"
    del back.input[1:]
    back.attribute.append(helper.make_attribute("to", onnx.TensorProto.FLOAT))


def behind_a_convolution(model: onnx.ModelProto) -> None:
    conv = next(node for node in model.graph.node if node.name == "stem")
    pair = first(model, "QuantizeLinear")
    model.graph.node.append(
        helper.make_node("QuantizeLinear", [conv.output[0], *pair.input[1:]], ["late"], name="late")
    )
    model.graph.node.append(helper.make_node("DequantizeLinear", ["late", *pair.input[1:]], ["later"], name="later"))


def zero_points(model: onnx.ModelProto) -> None:
    node = next(n for n in model.graph.node if n.name.endswith("_weight_DequantizeLinear"))
    values(model, node.input[2], lambda zero: zero + np.int8(1))


def any_bias(model: onnx.ModelProto) -> None:
    values(model, "point_bias", lambda bias: bias * np.float32(1.1))


def old_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 11


@pytest.mark.parametrize(
    ("change", "rule", "severity", "said"),
    [
        pytest.param(other_scale, "qdq-pair", "error", "another scale or zero point", id="unequal pair"),
        pytest.param(alone, "qdq-pair", "error", "no half of a pair", id="half a pair"),
        pytest.param(behind_a_convolution, "qdq-output", "warning", "Conv 'stem' makes", id="outputs, as onnxruntime"),
        pytest.param(zero_points, "qdq-weights", "error", "zero point other than 0", id="asymmetric weights"),
        pytest.param(any_bias, "qdq-bias", "warning", "no whole number of its scale", id="float bias"),
        pytest.param(old_opset, "qdq-opset", "error", "in opset 11", id="per channel in an old opset"),
    ],
)
def test_traps_of_qdq(change: Change, rule: str, severity: str, said: str, forms: dict[str, onnx.ModelProto]) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(forms["qdq"])
    assert {name for name in rules(model) if name.startswith("qdq")} == {"qdq"}  # ATC itself takes none
    change(model)
    found = rules(model)
    assert found[rule][0] == severity and said in found[rule][1]


def test_what_msmodelslim_writes(shared: Path) -> None:
    model = load_onnx(shared / "golden" / "int8" / "demo_msmodelslim.onnx")
    found = rules(model)
    assert found["int8-attribute"][1] == "its offset is of type INT; ATC reads FLOAT alone and takes 0 without a word"
    assert found["int8-narrow"][1].startswith("6 convolutions on int8")
