"""Padding: a table of operators between convolutions, a table of what stops zeros, and random graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compress.graph import onnx_proof
from compress.graph.graph_facts import GraphFacts, attributes
from compress.graph.onnx_proof import TOLERANCE, largest_difference, random_inputs, run
from compress.pad import layers
from compress.pad.pad_model import Padded, pad_model
from deploy.errors import ModelError, UsageError
from tests.compress.pad.nets import Net

Between = Callable[[Net, str], str]


def conv_counts(model: onnx.ModelProto) -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of every convolution by its name, from its weight."""
    weights = {entry.name: list(entry.dims) for entry in model.graph.initializer}
    counts = {}
    for node in model.graph.node:
        groups = attributes(node).get("group", 1)
        if node.op_type in ("Conv", "ConvTranspose") and node.input[1] not in weights:
            continue  # computed
        if node.op_type == "Conv":
            out, inputs = weights[node.input[1]][:2]
            counts[node.name] = (inputs * groups, out)
        elif node.op_type == "ConvTranspose":
            inputs, out = weights[node.input[1]][:2]
            counts[node.name] = (inputs, out * groups)
    return counts


def check(model: onnx.ModelProto, multiple: int = 8) -> Padded:
    """Pads the model and checks what must always hold."""
    before = model.SerializeToString()
    done = pad_model(model, multiple, "m")
    assert model.SerializeToString() == before, "the given model stays as it is"
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(done.model, strict_mode=True))
    assert list(done.model.graph.input) == list(model.graph.input)
    assert list(done.model.graph.output) == list(model.graph.output)
    # a check of its own, not the proof's: other images, and zeros
    for inputs in (random_inputs(model, 77), {k: np.zeros_like(v) for k, v in random_inputs(model).items()}):
        assert largest_difference(run(model, inputs, "m"), run(done.model, inputs, "p")) <= TOLERANCE
    left = {(entry.node, entry.side) for entry in done.left}
    counts = conv_counts(done.model)
    for name, pair in counts.items():
        for side, count in zip(("inputs", "outputs"), pair, strict=True):
            assert (count % multiple != 0) == ((name, side) in left), f"{name} has {count} {side}"
    for change in done.changes:
        assert counts[change.node] == change.after and conv_counts(model)[change.node] == change.before
    return done


def sandwich(between: Between, opset: int = 11) -> onnx.ModelProto:
    """Convolution of 13 channels, something, convolution to 5 outputs that leave the model."""
    net = Net(opset)
    return net.model(net.conv(between(net, net.conv("images", 13, 3)), 5))


def tuck(net: Net, x: str) -> str:
    """Spatial attention: a single channel that all others are multiplied by."""
    mask = net.unary("Sigmoid", net.conv(x, 1))
    return net.binary("Mul", x, mask)


def squeeze(net: Net, x: str) -> str:
    inner = net.silu(net.conv(net.unary("GlobalAveragePool", x), 3))
    return net.binary("Mul", x, net.unary("Sigmoid", net.conv(inner, net.counts[x])))


def c2f(net: Net, x: str) -> str:
    first, second = net.split(net.silu(net.conv(x, 14)), 7, 7)
    third = net.binary("Add", second, net.silu(net.conv(second, 7, 3)))
    return net.conv(net.concat(first, second, third), 11)


def halves(net: Net, x: str) -> str:
    return net.concat(net.slice(x, 9, 13), net.slice(x, 0, 9), x)


def spp(net: Net, x: str) -> str:
    return net.concat(x, *(net.pool(x, kernel=k) for k in (3, 5)))


def shuffled_add(net: Net, x: str) -> str:
    """Two concatenations with unlike cuts laid over each other."""
    left = net.concat(net.conv(x, 5), net.conv(x, 9))
    right = net.concat(net.conv(x, 8), net.conv(x, 6))
    return net.conv(net.binary("Add", left, right), 12)


OPERATORS = [
    pytest.param(lambda n, x: x, id="nothing between"),
    pytest.param(lambda n, x: n.unary("Relu", x), id="Relu"),
    pytest.param(lambda n, x: n.unary("Sigmoid", x), id="Sigmoid makes 0.5 of 0, which meets weight 0"),
    pytest.param(lambda n, x: n.conv(n.unary("Sigmoid", x), 13, 3, group=13), id="depthwise behind Sigmoid"),
    pytest.param(lambda n, x: n.unary("HardSigmoid", n.unary("LeakyRelu", x, alpha=0.1)), id="LeakyRelu, HardSigmoid"),
    pytest.param(lambda n, x: n.norm(n.unary("Sigmoid", x)), id="BatchNormalization"),
    pytest.param(lambda n, x: n.norm(x, "InstanceNormalization"), id="InstanceNormalization"),
    pytest.param(lambda n, x: n.silu(x), id="SiLU"),
    pytest.param(lambda n, x: n.conv(x, 13, 3, group=13, bias=False), id="depthwise without bias"),
    pytest.param(lambda n, x: n.conv(n.conv(x, 12), 6, 3, group=3), id="groups"),
    pytest.param(lambda n, x: n.conv(n.silu(n.conv(x, 12, group=1)), 12, 3, group=2), id="groups behind SiLU"),
    pytest.param(lambda n, x: n.binary("Add", n.conv(n.conv(x, 12), 6, 1, group=2), n.conv(x, 6)), id="groups and Add"),
    pytest.param(lambda n, x: n.transposed(x, 7), id="ConvTranspose"),
    pytest.param(lambda n, x: n.transposed(n.conv(x, 12), 6, group=3), id="ConvTranspose in groups"),
    pytest.param(lambda n, x: n.transposed(x, 13, group=13), id="ConvTranspose, depthwise"),
    pytest.param(lambda n, x: n.binary("Add", x, n.conv(x, 13)), id="shortcut"),
    pytest.param(lambda n, x: n.binary("Add", x, x), id="a tensor added to itself"),
    pytest.param(lambda n, x: n.node("Sum", [x, n.conv(x, 13), n.conv(x, 13)], 13), id="Sum of three"),
    pytest.param(lambda n, x: n.with_constant("Mul", x, ()), id="times a scalar"),
    pytest.param(lambda n, x: n.with_constant("Add", x, (1, 13, 1, 1)), id="plus a value for each channel"),
    pytest.param(lambda n, x: n.with_constant("Sub", x, (13, 1, 1), first=True), id="a constant comes first"),
    pytest.param(lambda n, x: n.with_constant("Mul", x, (1, 13, 16, 16)), id="times a whole map"),
    pytest.param(lambda n, x: n.with_constant("Add", x, (16, 1)), id="a constant along the rows alone"),
    pytest.param(lambda n, x: n.with_constant("Div", x, (1, 13, 1, 1)), id="divided by a value for each channel"),
    pytest.param(lambda n, x: n.with_constant("PRelu", x, (13, 1, 1)), id="PRelu"),
    pytest.param(lambda n, x: n.concat(x, n.conv(x, 5)), id="Concat of unlike widths"),
    pytest.param(lambda n, x: n.concat(x, x), id="Concat with itself"),
    pytest.param(lambda n, x: n.concat(x, n.conv(x, 13), axis=2), id="Concat over rows"),
    pytest.param(halves, id="Slice: the halves change places"),
    pytest.param(lambda n, x: n.slice(x, -9, 1000), id="Slice counted from the end"),
    pytest.param(lambda n, x: n.slice(x, 0, 8, axis=2), id="Slice of rows"),
    pytest.param(c2f, id="C2f: Split, shortcut, Concat"),
    pytest.param(shuffled_add, id="unlike cuts laid over each other"),
    pytest.param(spp, id="SPP"),
    pytest.param(lambda n, x: n.pool(x, "AveragePool", 2, 2), id="AveragePool"),
    pytest.param(lambda n, x: n.up(x), id="Resize by scales"),
    pytest.param(lambda n, x: n.up(x, [1, 13, 32, 32]), id="Resize to sizes that count the channels"),
    pytest.param(squeeze, id="squeeze and excitation"),
    pytest.param(tuck, id="spatial attention"),
    pytest.param(lambda n, x: n.unary("ReduceMean", x, axes=[2, 3]), id="ReduceMean over pixels"),
    pytest.param(lambda n, x: n.unary("Clip", n.unary("Identity", x)), id="Identity, Clip"),
]


@pytest.mark.parametrize("between", OPERATORS)
def test_operators(between: Between) -> None:
    done = check(sandwich(between))
    assert done.changes
    reasons = {entry.reason for entry in done.left}
    assert all("model's input" in r or "model's output" in r or "one channel that" in r for r in reasons), reasons


@pytest.mark.parametrize("opset", [9, 13, 18])
@pytest.mark.parametrize("between", [pytest.param(halves, id="Slice"), pytest.param(c2f, id="Split")])
def test_other_opsets(between: Between, opset: int) -> None:
    done = check(sandwich(between, opset))
    assert {entry.reason for entry in done.left} == {"they are the model's input", "they are the model's output"}


def flattened(net: Net, x: str) -> str:
    shape = net.constant([1, 13, 16, 16], np.int64)
    return net.node("Reshape", [x, shape], 13)


def computed_weights(net: Net, x: str) -> str:
    weight = net.node("Abs", [net.constant(net.random.normal(0, 1, (4, 13, 1, 1)))], 4)
    return net.node("Conv", [x, weight], 4)


STOPS = [
    pytest.param(flattened, "reach Reshape", id="Reshape"),
    pytest.param(lambda n, x: n.unary("Transpose", x, perm=[0, 1, 3, 2]), "reach Transpose", id="Transpose"),
    pytest.param(lambda n, x: n.unary("Softmax", x, axis=1), "reach Softmax", id="Softmax would count the zeros"),
    pytest.param(lambda n, x: n.unary("LRN", x, size=3), "reach LRN", id="LRN looks at neighbours"),
    pytest.param(lambda n, x: n.node("ReduceMean", [x], 1, axes=[1]), "reduces the channels", id="ReduceMean"),
    pytest.param(lambda n, x: n.slice(x, 0, 13, step=2), "with gaps", id="every second channel"),
    pytest.param(lambda n, x: n.unary("Exp", x), "reach Exp", id="Exp of an Exp may overflow"),
    pytest.param(
        lambda n, x: n.binary("Div", x, n.with_constant("Add", n.unary("Abs", x), ())),
        "divides by something that is no constant",
        id="a padded channel would divide 0 by 0",
    ),
    pytest.param(computed_weights, "weights that are computed", id="weights that are computed"),
    pytest.param(
        lambda n, x: n.unary("DepthToSpace", n.conv(x, 20), blocksize=2), "reach DepthToSpace", id="DepthToSpace"
    ),
    pytest.param(
        lambda n, x: n.node("Pad", [x, n.constant([0, 2, 0, 0, 0, 0, 0, 0], np.int64)], 15), "pads the", id="Pad"
    ),
]


@pytest.mark.parametrize(("between", "reason"), STOPS)
def test_what_stops_zeros_is_named(between: Between, reason: str) -> None:
    net = Net()
    x = between(net, net.conv("images", 13, 3))
    net.counts[x] = {"DepthToSpace": 5}.get(net.nodes[-1].op_type, net.counts[x])
    done = check(net.model(net.conv(net.conv(x, 7), 5)))
    assert any(reason in entry.reason for entry in done.left), done.left
    assert any(change.after[1] == 8 for change in done.changes), "what lies behind is aligned all the same"


def test_a_branch_that_reads_a_tensor_keeps_it() -> None:
    net = Net()
    x = net.conv("images", 13)
    model = net.model(net.conv(x, 5))
    value = onnx.helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, None)
    branch = onnx.helper.make_graph([onnx.helper.make_node("Identity", [x], ["inner"])], "branch", [], [value])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(
        onnx.helper.make_node("If", ["yes"], ["chosen"], "if", then_branch=branch, else_branch=branch)
    )
    model.graph.output.append(onnx.helper.make_tensor_value_info("chosen", onnx.TensorProto.FLOAT, [1, 13, 16, 16]))
    done = pad_model(model, 8, "m")
    assert ("conv_0", "outputs") in {(entry.node, entry.side) for entry in done.left}
    assert any(entry.reason == "a branch reads them" for entry in done.left)


def test_weights_that_two_layers_share() -> None:
    """One is aligned, the other is not, and both go on with what they had."""
    net = Net()
    weight = net.constant(net.random.normal(0, 1, (3, 3, 1, 1)))
    first = net.node("Conv", ["images", weight], 3)
    done = check(net.model(net.conv(net.node("Conv", [first, weight], 3), 5), net.node("Conv", ["images", weight], 3)))
    assert len(done.changes) == 3


def test_old_files_with_their_weights_among_the_inputs() -> None:
    net = Net(9)
    model = net.model(net.conv(net.unary("Relu", net.conv("images", 13)), 5))
    model.ir_version = 3
    for entry in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(entry.name, entry.data_type, entry.dims))
    done = pad_model(model, 8, "m")
    onnx.checker.check_model(done.model)
    assert [entry.name for entry in done.model.graph.input][:1] == ["images"]
    assert conv_counts(done.model)["conv_0"] == (3, 16)


def test_constant_nodes_are_weights_as_well() -> None:
    net = Net()
    model = net.model(net.conv(net.conv("images", 13), 5))
    for entry in list(model.graph.initializer):
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], [entry.name], value=entry))
    del model.graph.initializer[:]
    done = pad_model(model, 8, "m")
    assert conv_counts(done.model)["conv_0"] == (3, 16)
    assert GraphFacts(done.model).inputs == ["images"]


def test_half_precision_stays_half() -> None:
    net = Net()
    model = net.model(net.conv(net.conv("images", 13), 5))
    for entry in model.graph.initializer:
        entry.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(entry).astype(np.float16), entry.name))
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    done = pad_model(model, 8, "m")
    assert {entry.data_type for entry in done.model.graph.initializer} == {onnx.TensorProto.FLOAT16}


def random_net(seed: int) -> onnx.ModelProto:
    """A graph of 12 to 20 random operators over tensors of odd widths; every loose end is an output."""
    net = Net(int(np.random.default_rng(seed).choice([9, 11, 13])), seed=seed)
    random = np.random.default_rng(1000 + seed)
    living = [net.conv("images", int(random.integers(2, 14)), 3)]
    used: set[str] = set()

    def pick(count: int | None = None) -> str:
        fitting = [name for name in living if count in (None, net.counts[name])]
        used.add(chosen := str(random.choice(fitting)))
        return chosen

    def odd() -> int:
        return int(random.integers(2, 14))

    def cut(x: str) -> list[str]:
        count = net.counts[x]
        at = int(random.integers(1, count)) if count > 1 else 0
        return net.split(x, at, count - at) if at else [x]

    def lone_slice(x: str) -> str:
        start = int(random.integers(0, net.counts[x]))
        return net.slice(x, start, int(random.integers(start + 1, net.counts[x] + 1)))

    def grouped(x: str) -> str:
        groups = int(random.choice([g for g in range(1, net.counts[x] + 1) if net.counts[x] % g == 0]))
        return net.conv(x, groups * int(random.integers(1, 4)), 3, group=groups)

    steps: list[Callable[[], list[str]]] = [
        lambda: [net.conv(pick(), odd(), int(random.choice([1, 3])))],
        lambda: [net.conv(pick(), odd())],
        lambda: [net.silu(pick())],
        lambda: [net.unary("Sigmoid", pick())],
        lambda: [net.norm(pick())],
        lambda: [grouped(pick())],
        lambda: cut(pick()),
        lambda: [lone_slice(pick())],
        lambda: [net.concat(pick(), pick())],
        lambda: [net.concat(pick(), pick(), pick())],
        lambda: [net.binary("Add", x := pick(), pick(net.counts[x]))],
        lambda: [net.binary("Mul", x := pick(), net.conv(pick(), net.counts[x]))],
        lambda: [net.with_constant("Add", x := pick(), (1, net.counts[x], 1, 1))],
        lambda: [net.pool(pick())],
    ]
    for _ in range(int(random.integers(12, 21))):
        living += steps[int(random.integers(len(steps)))]()
    ends = [name for name in living if name not in used]
    return net.model(*(net.conv(name, 5) if random.random() < 0.8 else name for name in ends))


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs(seed: int) -> None:
    for entry in check(random_net(seed), 8 if seed % 2 else 16).left:
        assert "add up" not in entry.reason or "conv" in entry.node


def test_a_wrong_rewriting_is_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    real = layers.spread
    monkeypatch.setattr(layers, "spread", lambda values, axis, layout, _: real(values, axis, layout, 0.5))
    with pytest.raises(ModelError, match=r"differs by .* of its outputs' scale, more than 1e-05; nothing was written"):
        pad_model(sandwich(lambda n, x: n.unary("Sigmoid", x)), 8, "m")


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param([np.array([1.0, 2.0])], 0.0, id="equal"),
        pytest.param([np.array([1.0, 2.2])], 0.1, id="of the largest value"),
        pytest.param([np.array([1.0, np.nan])], np.inf, id="NaN is no small difference"),
        pytest.param([np.array([[1.0, 2.0]])], np.inf, id="another shape"),
        pytest.param([], np.inf, id="no output"),
        pytest.param([np.array([1.0, 2.0], np.float32)], np.inf, id="another type"),
    ],
)
def test_largest_difference(new: list[np.ndarray], expected: float) -> None:
    assert largest_difference([np.array([1.0, 2.0])], new) == pytest.approx(expected)


def test_equal_infinities_are_equal() -> None:
    both = [np.array([np.inf, np.nan, 1.0])]
    assert onnx_proof.largest_difference(both, both) == 0


@pytest.mark.parametrize("multiple", [1, 0, -8, 65])
def test_multiples_without_sense(multiple: int) -> None:
    with pytest.raises(UsageError, match=f"--multiple is {multiple}, expected 2 to 64"):
        pad_model(sandwich(lambda n, x: x), multiple, "m")


def test_nothing_to_align() -> None:
    net = Net()
    with pytest.raises(ModelError, match="m has no convolution"):
        pad_model(net.model(net.unary("Relu", "images")), 8, "m")
