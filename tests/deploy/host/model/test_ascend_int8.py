"""Ascend's int8 operators on a CPU: against whole-number arithmetic in numpy, and against golden vectors."""

import json

import numpy as np
import onnxruntime
import pytest

from deploy.host.model.ascend_int8 import FUSIONS, has_ascend_operators, in_computed_order, lowered
from deploy.host.numerics import ASCEND_310, ASCEND_310B, ASCEND_310P, EXACT

onnx = pytest.importorskip("onnx", reason="the models are built with onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
CHIPS = (ASCEND_310, ASCEND_310P, ASCEND_310B)


def half(values):
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32).astype(np.float16).astype(np.float32)


def model(weight, bias, deq, scale, offset, group=1, side=6, **dequant):
    """x -> AscendQuant -> Conv -> AscendDequant -> y"""
    cin, pad = weight.shape[1] * group, weight.shape[2] // 2
    weights = [numpy_helper.from_array(weight, "w")]
    weights.append(numpy_helper.from_array(deq.astype(np.float32).view(np.uint32).astype(np.uint64), "d"))
    if bias is not None:
        weights.append(numpy_helper.from_array(bias.astype(np.int32), "b"))
    nodes = [
        helper.make_node("AscendQuant", ["x"], ["q"], name="quant", scale=scale, offset=offset),
        helper.make_node(
            "Conv", ["q", "w", *(["b"] if bias is not None else [])], ["a"], name="conv", group=group, pads=[pad] * 4
        ),
        helper.make_node("AscendDequant", ["a", "d"], ["y"], name="dequant", dtype=0, **dequant),
    ]
    ends = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in ("x", "y")]
    ends[0] = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, cin, side, side])
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


def run(content, x, name="x"):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(FUSIONS)
    )
    return session.run(None, {name: x})


def sums(q, weight, bias, group):
    """int64 convolution of whole numbers [c, h, w], padded with zeros."""
    pad, (height, width), kernel = weight.shape[2] // 2, q.shape[1:], weight.shape[2]
    padded = np.pad(q.astype(np.int64), ((0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((len(weight), height, width), np.int64)
    per_in, per_out = weight.shape[1], len(weight) // group
    for o in range(len(weight)):
        first = o // per_out * per_in
        for i in range(per_in):
            for dy in range(kernel):
                for dx in range(kernel):
                    window = padded[first + i, dy : dy + height, dx : dx + width]
                    out[o] += window * int(weight[o, i, dy, dx])
    return out + (0 if bias is None else bias.reshape(-1, 1, 1))


def case(cin=32, cout=20, kernel=3, group=1, seed=0, side=6, extreme=False):
    random = np.random.default_rng(seed)
    weight = random.integers(-127, 128, (cout, cin // group, kernel, kernel)).astype(np.int8)
    if extreme:
        weight = np.full_like(weight, 127)
        weight[1:] = -127
    bias = random.integers(-5000, 5000, cout)
    deq = (random.random(cout) * 1e-4 + 1e-6).astype(np.float32)
    x = (random.normal(size=(1, cin, side, side)) * 5).astype(np.float32)
    return weight, bias, deq, x * 0 + 9 if extreme else x


CASES = [
    pytest.param({}, True, id="plain"),
    pytest.param({}, False, id="no bias"),
    pytest.param({"group": 2}, True, id="grouped"),
    pytest.param({"group": 32, "cout": 32}, True, id="depthwise"),
    pytest.param({"cin": 768, "cout": 2, "extreme": True, "side": 3}, True, id="sums beyond 2^24 go in two parts"),
]


@pytest.mark.parametrize(("shape", "biased"), CASES)
def test_exact(shape, biased):
    weight, bias, deq, x = case(**shape)
    bias = bias if biased else None
    group, scale, offset = shape.get("group", 1), 17.3, -9.0
    (found,) = run(lowered(model(weight, bias, deq, scale, offset, group, x.shape[2]).SerializeToString()), x)
    q = np.clip(np.rint(x[0] * np.float32(scale) + np.float32(offset)), -128, 127)
    assert q.min() == -128 or shape.get("extreme")  # it saturates somewhere
    whole = sums(q - offset, weight, bias, group)
    assert (np.abs(whole).max() >= 1 << 24) == bool(shape.get("extreme"))
    assert np.array_equal(found[0], whole.astype(np.float32) * deq.reshape(-1, 1, 1))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("small", [True, False], ids=["a scale below 2^-14", "scales from 2^-14 on"])
def test_chips(chip, small):
    weight, bias, deq, x = case(kernel=1)
    deq = deq if small else deq + np.float32(2.0**-14)
    scale, offset = 17.3, -9.0
    (found,) = run(lowered(model(weight, bias, deq, scale, offset).SerializeToString(), chip), x)
    factor = (
        np.float32(scale) if chip != ASCEND_310B else (np.float32(scale).view(np.uint32) & 0xFFFFE000).view(np.float32)
    )
    q = np.clip(np.rint(half(half(half(x[0]) * half(factor)) + np.float32(offset))), -128, 127)
    whole = sums(q - offset, weight, bias, 1).astype(np.float32)
    d = deq.reshape(-1, 1, 1)
    if chip == ASCEND_310 and small:
        root = half(np.sqrt(d))
        expected = half(half(whole * root) * root)
    elif chip == ASCEND_310:
        expected = half(whole * half(d))
    elif chip == ASCEND_310P:
        expected = half(whole * d)
    else:
        expected = half(whole * (d.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32))
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize(("channels", "rolled"), [(16, True), (17, False)])
def test_a_chip_computes_narrow_inputs_in_half_precision(channels, rolled):
    weight, bias, deq, x = case(cin=channels, kernel=1)
    built = model(weight, bias, deq, 17.3, -9.0).SerializeToString()
    operators = [node.op_type for node in onnx.load_from_string(lowered(built, ASCEND_310P)).graph.node]
    assert ("Round" not in operators or "Sub" in operators) and len(run(lowered(built, ASCEND_310P), x)) == 1
    plain = weight[:, :, 0, 0] * (deq * np.float32(17.3)).reshape(-1, 1)
    expected = np.einsum("oc,chw->ohw", half(plain), half(x[0])) + half(bias * deq).reshape(-1, 1, 1)
    near = np.abs(run(lowered(built, ASCEND_310P), x)[0][0] - expected).max() < 2e-3
    assert near == rolled


def test_relu_stands_behind_the_sums():
    weight, bias, deq, x = case(kernel=1)
    (found,) = run(lowered(model(weight, bias, deq, 17.3, -9.0, relu_flag=1).SerializeToString()), x)
    (plain,) = run(lowered(model(weight, bias, deq, 17.3, -9.0).SerializeToString()), x)
    assert np.array_equal(found, np.maximum(plain, 0)) and found.max() > 0


def test_an_offset_of_type_int_is_0_on_a_chip_and_told_of(caplog):
    weight, bias, deq, x = case(kernel=1)
    whole = model(weight, bias, deq, 17.3, -9).SerializeToString()
    real = [
        run(lowered(model(weight, bias, deq, 17.3, offset).SerializeToString(), ASCEND_310P), x)
        for offset in (0.0, -9.0)
    ]
    assert np.array_equal(run(lowered(whole, ASCEND_310P), x)[0], real[0][0])
    assert not np.array_equal(real[0][0], real[1][0])


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        pytest.param("dequant", "no AscendDequant stands behind", id="no AscendDequant"),
        pytest.param("weights", "its weights are none", id="float weights"),
        pytest.param("scales", "no scales of uint64", id="float scales"),
        pytest.param("scale", "no scale of type FLOAT", id="no scale"),
    ],
)
def test_what_does_not_belong_together(broken, sentence):
    weight, bias, deq, _ = case(kernel=1)
    built = model(weight, bias, deq, 17.3, -9.0)
    graph = built.graph
    if broken == "dequant":
        graph.node[2].op_type = "Identity"
        del graph.node[2].input[1:]
    elif broken == "weights":
        graph.initializer[0].CopyFrom(numpy_helper.from_array(weight.astype(np.float32), "w"))
    elif broken == "scales":
        graph.initializer[1].CopyFrom(numpy_helper.from_array(deq, "d"))
    else:
        del graph.node[0].attribute[:]
    with pytest.raises(ValueError, match=sentence):
        lowered(built.SerializeToString())


def test_nodes_in_any_order():
    weight, bias, deq, x = case(kernel=1)
    built = model(weight, bias, deq, 17.3, -9.0)
    (expected,) = run(lowered(built.SerializeToString()), x)
    nodes = list(built.graph.node)[::-1]
    del built.graph.node[:]
    built.graph.node.extend(nodes)
    content = built.SerializeToString()
    assert has_ascend_operators(content)
    assert onnx.load_from_string(in_computed_order(content)).graph.node[0].op_type == "AscendQuant"
    assert np.array_equal(run(lowered(content), x)[0], expected)


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "golden" / "int8"
    built = onnx.load(str(folder / "demo_msmodelslim.onnx"))
    for node in built.graph.node:
        for entry in node.attribute:
            if node.op_type == "AscendQuant" and entry.name == "offset":
                value = float(entry.i)
                entry.CopyFrom(helper.make_attribute("offset", value))
    check = json.loads((folder / "scales.json").read_text())["check"]
    c, y, x = np.mgrid[0:3, 0:320, 0:320]
    return built.SerializeToString(), check, ((7 * c + 3 * y + 5 * x) % 256).astype(np.float32)[None] / 255


@pytest.mark.parametrize(("arithmetic", "key"), [(EXACT, "exact"), (ASCEND_310, "ascend310")])
def test_golden(golden, arithmetic, key):
    content, check, x = golden
    outputs = run(lowered(content, arithmetic), x, "images")
    for output, values, mean in zip(outputs, check["values"][key], check["mean_abs"][key]):
        found = [float(output[tuple(place)]) for place in check["positions"]]
        # another runtime's sigmoid may tip single whole numbers
        assert np.allclose(found, values, atol=2e-5) or abs(float(np.abs(output).mean()) - mean) < 0.02
        assert abs(float(np.abs(output).mean()) - mean) < 0.02
