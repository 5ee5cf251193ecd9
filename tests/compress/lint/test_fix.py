"""--fix: each exact rewriting computes the same as before, and what is not exact is left and named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from compress.graph.graph_facts import GraphFacts
from compress.graph.onnx_proof import TOLERANCE, largest_difference, random_inputs, run
from compress.lint.fix import focus
from compress.lint.fix.apply import Fixed, fix
from compress.lint.fix.cut import find_heads
from compress.lint.fix.opset import lower_opset
from compress.lint.run import lint
from compress.lint.subject import Subject
from compress.pad.pad_model import pad_model
from deploy.errors import ModelError
from tests.compress.lint import wrong
from tests.compress.pad.nets import Net


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def fixed(model: onnx.ModelProto, newest: int = 11) -> Fixed:
    """Fixes and compares once more, on an input of its own, the tensors that are outputs afterwards."""
    before = model.SerializeToString()
    done = fix(model, newest, "m")
    assert model.SerializeToString() == before
    whole = onnx.load_from_string(before)
    del whole.graph.output[:]
    whole.graph.output.extend(done.model.graph.output)
    inputs = random_inputs(model, 99)
    assert largest_difference(run(whole, inputs, "a"), run(done.model, inputs, "b")) <= TOLERANCE
    onnx.checker.check_model(done.model)
    return done


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("order", ["torch", "another"])
@pytest.mark.parametrize("stride", [1, 2])
def test_focus_becomes_a_convolution(merged: bool, order: str, stride: int) -> None:
    done = fixed(wrong.focused(order, merged, stride))
    assert "Slice" not in operators(done.model) and "Concat" not in operators(done.model)
    first = done.model.graph.node[0]
    values = {entry.name: list(entry.ints) for entry in first.attribute}
    assert (values["kernel_shape"], values["strides"]) == ([6, 6], [2 * stride, 2 * stride])
    assert values["pads"] == [2, 2, 2, 2]
    assert lint(Subject(GraphFacts(done.model), "m", "5.0.4", "Ascend310")) == []


def no_focus() -> dict[str, Callable[[Net], str]]:
    def parts(net: Net, offsets: list[tuple[int, int]], step: int = 2) -> str:
        names = []
        for row, column in offsets:
            rows = net.slice("images", row, 2**31 - 1, axis=2, step=step)
            names.append(net.slice(rows, column, 2**31 - 1, axis=3, step=step))
        return net.node("Concat", names, 3 * len(names), axis=1)

    whole = [(0, 0), (1, 0), (0, 1), (1, 1)]
    return {
        "one corner twice": lambda net: net.conv(parts(net, [(0, 0), (1, 0), (0, 1), (0, 1)]), 8, 3),
        "every fourth pixel": lambda net: net.conv(parts(net, whole, 4), 8, 3),
        "two slices": lambda net: net.conv(parts(net, whole[:2]), 8, 3),
        "in groups": lambda net: net.conv(parts(net, whole), 8, 3, group=4),
        "read by two": lambda net: net.concat(net.conv(x := parts(net, whole), 8, 3), x),
        "no convolution": lambda net: net.unary("Relu", parts(net, whole)),
    }


@pytest.mark.parametrize("kind", no_focus())
def test_what_only_looks_like_focus_stays(kind: str) -> None:
    net = Net()
    model = net.model(no_focus()[kind](net))
    assert fix(model, 11, "m").done == []


def test_a_wrong_rewriting_is_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    real = focus._walk

    def swapped(facts: GraphFacts, name: str) -> tuple[str, tuple[int, int]] | None:
        found = real(facts, name)
        return found and (found[0], found[1][::-1])

    monkeypatch.setattr(focus, "_walk", swapped)
    with pytest.raises(ModelError, match="the rewritten m differs"):
        fix(wrong.focused(), 11, "m")


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        pytest.param(wrong.decoded, [[1, 3, 8, 8, 8], [1, 3, 4, 4, 8], [1, 3, 2, 2, 8]], id="YOLOv5"),
        pytest.param(wrong.suppressed, [[1, 3, 8, 8, 8], [1, 3, 4, 4, 8], [1, 3, 2, 2, 8]], id="NMS"),
        pytest.param(wrong.chosen, [[1, 3, 8, 8, 8], [1, 3, 4, 4, 8], [1, 3, 2, 2, 8]], id="TopK"),
        pytest.param(
            wrong.branches,
            [[1, c, side, side] for side in (8, 4, 2) for c in (64, 3)],
            id="YOLOv8, whose DFL is a convolution in front of a reshape too",
        ),
    ],
)
def test_cut_at_the_heads(make: Callable[[], onnx.ModelProto], shapes: list[list[int]]) -> None:
    done = fixed(make())
    assert [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in done.model.graph.output] == shapes
    assert not {"Sigmoid", "NonMaxSuppression", "Softmax"} & set(operators(done.model))
    assert lint(Subject(GraphFacts(done.model), "m", "5.0.4", "Ascend310")) == []


def test_raw_heads_stay() -> None:
    model = wrong.sound()
    done = fixed(model)
    assert done.done == [] and done.difference == 0
    assert find_heads(GraphFacts(model)) == [output.name for output in model.graph.output]


@pytest.mark.parametrize(
    ("kind", "domain"),
    [
        pytest.param("EfficientNMS_TRT", "TRT", id="in a domain of its own"),
        pytest.param("BatchedNMS_TRT", "", id="in the standard domain"),
        pytest.param("YoloLayer_TRT", "x", id="no NMS"),
    ],
)
def test_a_plugin_is_cut_off_before_anything_runs(kind: str, domain: str) -> None:
    model = wrong.plugged(kind, domain)
    expected = fix(wrong.decoded(), 11, "m")
    done = fix(model, 11, "m")
    assert done.model.graph.output == expected.model.graph.output and done.difference == 0
    assert operators(done.model) == operators(expected.model) and len(done.model.opset_import) == 1
    inputs = random_inputs(model, 99)
    assert largest_difference(run(expected.model, inputs, "a"), run(done.model, inputs, "b")) == 0
    assert f"{len(model.graph.node) - len(done.model.graph.node)} nodes behind them" in done.done[0]
    assert lint(Subject(GraphFacts(done.model), "m", "5.0.4", "Ascend310")) == []


@pytest.mark.parametrize("domain", ["mmcv", ""])
def test_an_unknown_operator_before_the_heads(domain: str) -> None:
    model = wrong.behind_input(wrong.sound(), "grid_sampler", domain=domain)
    with pytest.raises(ModelError, match="m cannot be rewritten: grid_sampler 'inserted' is no ONNX operator"):
        fix(model, 11, "m")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: wrong.with_domain("ai.onnx.ml"), id="not used"),
        pytest.param(lambda: wrong.with_domain("ai.onnx", 11), id="the standard one twice"),
        pytest.param(wrong.with_function, id="of a function"),
    ],
)
def test_one_entry_of_opset_import_stays(make: Callable[[], onnx.ModelProto]) -> None:
    done = fixed(make())
    assert [entry.domain for entry in done.model.opset_import] == [""] and not done.model.functions
    assert lint(Subject(GraphFacts(done.model), "m", "5.0.4", "Ascend310")) == []


def lowered(between: Callable[[Net, str], str], opset: int) -> Fixed:
    net = Net(opset)
    return fixed(net.model(net.conv(between(net, net.conv("images", 8, 3)), 5)))


@pytest.mark.parametrize(
    ("between", "opset", "without"),
    [
        pytest.param(lambda n, x: n.silu(x), 13, "", id="SiLU"),
        pytest.param(lambda n, x: n.concat(*n.split(x, 3, 5)[::-1]), 13, "", id="Split by a list"),
        pytest.param(
            lambda n, x: n.concat(n.node("Split", [x], 4, 2, axis=1, num_outputs=2), x), 18, "", id="Split in two"
        ),
        pytest.param(lambda n, x: n.unary("HardSwish", x), 14, "HardSwish", id="HardSwish"),
        pytest.param(lambda n, x: n.unary("Mish", x), 18, "Mish", id="Mish"),
        pytest.param(lambda n, x: n.unary("Softmax", x, axis=-1), 13, "", id="Softmax along the last axis"),
        pytest.param(
            lambda n, x: n.node("ReduceMean", [x, n.constant([2, 3], np.int64)], 8), 18, "", id="ReduceMean by a list"
        ),
        pytest.param(
            lambda n, x: n.node(
                "Unsqueeze",
                [n.node("Squeeze", [x, n.constant([0], np.int64)], 8), n.constant([0], np.int64)],
                8,
            ),
            13,
            "",
            id="Squeeze, Unsqueeze",
        ),
        pytest.param(lambda n, x: n.up(x), 18, "", id="Resize"),
        pytest.param(
            lambda n, x: n.node(
                "Resize", [x, "", n.constant([1, 1, 2, 2])], 8, coordinate_transformation_mode="asymmetric"
            ),
            13,
            "",
            id="Resize without a region, which opset 11 wants",
        ),
        pytest.param(lambda n, x: n.unary("Dropout", n.norm(x)), 15, "", id="BatchNormalization, Dropout"),
        pytest.param(lambda n, x: n.pool(n.unary("LeakyRelu", x)), 16, "", id="MaxPool, LeakyRelu"),
        pytest.param(lambda n, x: n.with_constant("PRelu", x, (8, 1, 1)), 16, "", id="PRelu"),
    ],
)
def test_opset_down(between: Callable[[Net, str], str], opset: int, without: str) -> None:
    done = lowered(between, opset)
    assert done.model.opset_import[0].version == 11 and not done.refused
    assert f"opset {opset} is 11 now" in done.done
    assert without not in operators(done.model)


@pytest.mark.parametrize(
    ("between", "opset", "reason"),
    [
        pytest.param(
            lambda n, x: n.unary("Softmax", x, axis=1), 13, "along an axis that is not the last", id="Softmax"
        ),
        pytest.param(
            lambda n, x: n.unary("Gelu", x), 20, "Gelu 'gelu_1' has no form in opset 11", id="Gelu of opset 20"
        ),
        pytest.param(lambda n, x: n.unary("Cast", x, to=TensorProto.FLOAT, saturate=0), 19, "saturate", id="Cast"),
    ],
)
def test_what_cannot_go_down_is_named(between: Callable[[Net, str], str], opset: int, reason: str) -> None:
    done = lowered(between, opset)
    assert done.model.opset_import[0].version == opset
    assert len(done.refused) == 1 and reason in done.refused[0]


def test_an_opset_that_the_target_reads_stays() -> None:
    model = wrong.sound(opset=13)
    assert lower_opset(model, 13) == ([], [])
    assert model.opset_import[0].version == 13


def test_constants_of_newer_kinds_go_down() -> None:
    net = Net(13)
    net.nodes.append(helper.make_node("Constant", [], ["factor"], value_float=2.0))
    model = net.model(net.binary("Mul", net.conv("images", 8), "factor"))
    assert fixed(model).model.opset_import[0].version == 11


def test_chains_that_measure_shapes_go() -> None:
    """torch writes x.chunk(2, 1) so, where nobody simplifies: the place to split at is computed from the shape."""
    net = Net(13)
    x = net.conv("images", 13, 3)
    size = net.node("Gather", [net.node("Shape", [x], 4), net.constant(1, np.int64)], 1, axis=0)
    half = net.node(
        "Unsqueeze", [net.node("Div", [size, net.constant(2, np.int64)], 1), net.constant([0], np.int64)], 1
    )
    zero, axis = net.constant([0], np.int64), net.constant([1], np.int64)
    left = net.node("Slice", [x, zero, half, axis], 6)
    right = net.node("Slice", [x, half, net.constant([13], np.int64), axis], 7)
    model = net.model(net.conv(net.concat(right, left), 5))
    done = fixed(model)
    assert "Shape" not in operators(done.model) and done.model.opset_import[0].version == 11
    padded = pad_model(model, 8, "m")
    assert {left.reason for left in padded.left} == {"they are the model's input", "they are the model's output"}


def test_identities_go() -> None:
    net = Net()
    x = net.unary("Identity", net.unary("Identity", net.conv(net.unary("Identity", "images"), 8)))
    end = net.unary("Identity", net.conv(x, 8))
    done = fixed(net.model(end))
    assert operators(done.model) == ["Conv", "Conv"]
    assert done.model.graph.output[0].name == end


def test_identities_that_must_stay() -> None:
    net = Net()
    first = net.unary("Identity", "images")
    conv = net.conv("images", 8)
    done = fixed(net.model(first, conv, net.unary("Identity", conv)))
    assert operators(done.model) == ["Identity", "Conv", "Identity"]


def test_all_at_once() -> None:
    """A v5.0 stem in opset 13 with Identity nodes and decoded boxes becomes what ATC wants."""
    net = Net(13)
    net.input_shape = [1, 3, 64, 64]
    parts = []
    for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)):
        rows = net.slice("images", row, 2**31 - 1, axis=2, step=2)
        parts.append(net.slice(rows, column, 2**31 - 1, axis=3, step=2))
    x = net.unary("Identity", net.silu(net.conv(net.node("Concat", parts, 12, axis=1), 16, 3)))
    heads = [wrong.head(net, x, stride // 2, (32, 32)) for stride in wrong.STRIDES]
    flat = [net.node("Reshape", [net.unary("Sigmoid", h), net.constant([1, -1, 8], np.int64)], 3) for h in heads]
    done = fixed(net.model(net.node("Concat", flat, 3, axis=1)))
    assert len(done.done) == 4 and not done.refused
    assert lint(Subject(GraphFacts(done.model), "m", "5.0.4", "Ascend310")) == []
