"""Rounding a model to float16: against the same model computed operator by operator in numpy."""

import numpy as np
import onnxruntime
import pytest

from deploy.host.model.half import rounded_to_half

onnx = pytest.importorskip("onnx", reason="the models are built with onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def half(values):
    return np.asarray(values).astype(np.float16).astype(np.float32)


def model(nodes, outputs, weights, shape=(1, 3, 6, 6)):
    inputs = [helper.make_tensor_value_info("x", FLOAT, list(shape))]
    values = [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "g", inputs, values, weights)
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    return built


def run(content, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})


def tensor(name, values, raw=True):
    values = np.asarray(values, np.float32)
    if raw:
        return numpy_helper.from_array(values, name)
    return helper.make_tensor(name, FLOAT, values.shape, values.ravel().tolist())


@pytest.fixture
def x():
    return half(np.random.default_rng(0).normal(size=(1, 3, 6, 6)))


@pytest.mark.parametrize("raw", [True, False], ids=["raw_data", "float_data"])
def test_weights_and_activations(x, raw):
    weight = np.random.default_rng(1).normal(size=(4, 3, 1, 1)).astype(np.float32)
    bias = np.random.default_rng(2).normal(size=4).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[1, 1]),
        helper.make_node("Sigmoid", ["c"], ["s"]),
        helper.make_node("Mul", ["c", "s"], ["m"]),
        helper.make_node("MaxPool", ["m"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    content = model(nodes, ["m", "p"], [tensor("w", weight, raw), tensor("b", bias, raw)]).SerializeToString()
    activated, pooled = run(rounded_to_half(content), x)
    sums = np.einsum("oc,nchw->nohw", half(weight[:, :, 0, 0]), x) + half(bias)[:, None, None]
    conv = half(sums)
    expected = half(conv * half(1 / (1 + np.exp(-conv))))
    # a sum that lies between two float16 may go either way
    assert (activated == half(activated)).all()
    np.testing.assert_allclose(activated, expected, rtol=2e-3, atol=1e-6)
    assert (activated == expected).mean() > 0.97
    assert (activated != run(content, x)[0]).mean() > 0.5
    np.testing.assert_array_equal(pooled, activated.reshape(1, 4, 3, 2, 3, 2).max(axis=(3, 5)))


def operators(content):
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def test_moving_values_needs_no_rounding():
    nodes = [
        helper.make_node("Concat", ["x", "x"], ["c"], axis=1),
        helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
        helper.make_node("Relu", ["t"], ["r"]),
    ]
    assert operators(rounded_to_half(model(nodes, ["r"], []).SerializeToString())) == ["Concat", "Transpose", "Relu"]


def test_whole_numbers_and_settings_are_left_alone(x):
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Mul", ["shape", "two"], ["double"]),
        helper.make_node("Resize", ["x", "roi", "scales"], ["big"], mode="nearest"),
        helper.make_node("Reshape", ["big", "flat"], ["out"]),
        helper.make_node("Cast", ["double"], ["sides"], to=FLOAT),
    ]
    weights = [
        numpy_helper.from_array(np.array([2, 2, 2, 2], np.int64), "two"),
        numpy_helper.from_array(np.array([-1], np.int64), "flat"),
        tensor("roi", []),
        tensor("scales", [1, 1, 1.4999, 1.4999]),
    ]
    content = model(nodes, ["out", "sides"], weights).SerializeToString()
    rounded = rounded_to_half(content)
    assert operators(rounded).count("Cast") == 3  # the file's own, and the pair behind Resize, which may interpolate
    for ours, theirs in zip(run(rounded, x), run(content, x)):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_quantized_next_is_not_rounded_first():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[1, 1]),
        helper.make_node("QuantizeLinear", ["c", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
    ]
    weights = [
        tensor("w", np.ones((2, 3, 1, 1))),
        tensor("scale", 0.01001),
        numpy_helper.from_array(np.array(3, np.uint8), "zero"),
    ]
    rounded = onnx.load_from_string(rounded_to_half(model(nodes, ["d"], weights).SerializeToString()))
    assert [node.op_type for node in rounded.graph.node][-2:] == ["Cast", "Cast"]
    assert [node.op_type for node in rounded.graph.node][:2] == ["Conv", "QuantizeLinear"]
    scale = next(t for t in rounded.graph.initializer if t.name == "scale")
    assert numpy_helper.to_array(scale) == np.float32(0.01001)


def test_what_nobody_looks_into_stays(x):
    built = model([helper.make_node("Sigmoid", ["x"], ["y"])], ["y"], [])
    built.metadata_props.add(key="names", value="é")
    built.producer_name = "someone"
    rounded = onnx.load_from_string(rounded_to_half(built.SerializeToString()))
    assert (rounded.metadata_props[0].value, rounded.producer_name) == ("é", "someone")


@pytest.mark.parametrize("content", [b"this is no model", b"\x3a\xff\xff\xff\xff\x0f", b"\x0b"])
def test_no_model(content):
    with pytest.raises(ValueError, match=r"ends too early|wire type"):
        rounded_to_half(content)


def test_weights_in_another_file_are_refused():
    built = model([helper.make_node("Mul", ["x", "w"], ["y"])], ["y"], [tensor("w", np.ones((1, 3, 6, 6)))])
    weight = built.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    with pytest.raises(ValueError, match="w lie in another file"):
        rounded_to_half(built.SerializeToString())
