"""Which convolutions stay in float, and why."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from compress.graph.graph_facts import GraphFacts
from compress.quantize.layers import choose_layers


def graph(nodes, weights: dict[str, tuple[int, ...]], outputs: dict[str, list], channels: int = 32, side=8):
    """Nodes over an input x [1, channels, side, side]."""
    ends = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shape) for n, shape in outputs.items()]
    start = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, channels, side, side])
    held = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()]
    held.append(numpy_helper.from_array(np.array([1, 16, 4, 64], np.int64), "sixteen"))
    return helper.make_model(
        helper.make_graph(
            [helper.make_node(*one, name=one[2][0], **more) for one, more in nodes], "g", [start], ends, held
        ),
        opset_imports=[helper.make_opsetid("", 13)],
    )


def anchor_free():
    """A trunk, and a branch for boxes and one for classes: nothing is to share a scale there."""
    nodes = [(("Conv", ["x", "a"], ["trunk"]), {})]
    for kind in ("box", "class"):
        nodes.append((("Conv", ["trunk", "b"], [f"{kind}.mid"]), {}))
        nodes.append((("Relu", [f"{kind}.mid"], [f"{kind}.act"]), {}))
        nodes.append((("Conv", [f"{kind}.act", f"{kind}.w"], [kind]), {}))
    weights = {"a": (32, 32, 1, 1), "b": (32, 32, 1, 1), "box.w": (64, 32, 1, 1), "class.w": (3, 32, 1, 1)}
    return graph(nodes, weights, {"box": [1, 64, 8, 8], "class": [1, 3, 8, 8]})


def decoded_dfl():
    """Boxes decoded in the graph: a softmax over 16 bins and a convolution that sums them up."""
    nodes = [
        (("Conv", ["x", "a"], ["mid"]), {}),
        (("Conv", ["mid", "box.w"], ["box"]), {}),
        (("Reshape", ["box", "bins"], ["four"]), {}),
        (("Transpose", ["four"], ["turned"]), {"perm": [0, 2, 1, 3]}),
        (("Softmax", ["turned"], ["shares"]), {"axis": 1}),
        (("Conv", ["shares", "dfl.w"], ["dfl"]), {}),
        (("Conv", ["dfl", "behind.w"], ["behind"]), {}),
        (("Conv", ["behind", "end.w"], ["end"]), {}),
    ]
    weights = {
        "a": (32, 32, 1, 1), "box.w": (80, 32, 1, 1), "dfl.w": (20, 20, 1, 1),
        "behind.w": (20, 20, 1, 1), "end.w": (1, 20, 1, 1),
    }  # fmt: skip
    model = graph(nodes, weights, {"end": [1, 1, 4, 64]})
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 4, 20, 64], np.int64), "bins"))
    return model


def narrow(channels: int, group: int):
    nodes = [(("Conv", ["x", "a"], ["first"]), {"group": group}), (("Conv", ["first", "b"], ["end"]), {})]
    weights = {"a": (32, channels // group, 1, 1), "b": (3, 32, 1, 1)}
    return graph(nodes, weights, {"end": [1, 3, 8, 8]}, channels)


def free_size():
    nodes = [(("Conv", ["x", "a"], ["first"]), {}), (("Conv", ["first", "b"], ["second"]), {})]
    nodes.append((("Conv", ["second", "b"], ["end"]), {}))
    return graph(nodes, {"a": (32, 32, 1, 1), "b": (32, 32, 1, 1)}, {"end": [1, 32, 8, 8]}, side="s")


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        pytest.param(
            anchor_free(), {"box": "raw head", "class": "raw head"}, id="both branches of an anchor-free head"
        ),
        pytest.param(decoded_dfl(), {"dfl": "raw head", "end": "raw head"}, id="a DFL in the graph"),
        pytest.param(narrow(17, 1), {"end": "raw head"}, id="17 channels"),
        pytest.param(narrow(32, 32), {"end": "raw head"}, id="depthwise: the channels of all groups count"),
    ],
)
def test_what_stays_in_float(model, kept):
    found = {layer.name: layer.kept for layer in choose_layers(GraphFacts(model)) if layer.kept}
    assert found.keys() == kept.keys() and all(kept[name] in reason for name, reason in found.items())


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        pytest.param(narrow(16, 1), "its input has 16 channels, and ATC computes up to 16 in half", id="16 channels"),
        pytest.param(free_size(), "its shape is not fixed", id="a free size"),
    ],
)
def test_nothing_left_to_quantise(model, sentence):
    from deploy.errors import ModelError

    with pytest.raises(ModelError, match=sentence):
        choose_layers(GraphFacts(model))
