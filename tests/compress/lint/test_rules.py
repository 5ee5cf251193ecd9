"""Each finding of lint has its wrong graph; a sound graph has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from compress.graph.graph_facts import GraphFacts
from compress.lint.finding import Finding
from compress.lint.run import lint, open_subject
from compress.lint.subject import Subject
from deploy.errors import ModelError, UsageError
from deploy.hashes import file_sha256
from tests.compress.lint import wrong

FLOAT = TensorProto.FLOAT
DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"


def found(model: onnx.ModelProto, cann: str = "5.0.4") -> list[Finding]:
    return lint(Subject(GraphFacts(model), "m.onnx", cann, "Ascend310"))


def rules(findings: list[Finding]) -> dict[str, str]:
    return {finding.rule: finding.severity for finding in findings}


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_a_sound_graph(size: tuple[int, int]) -> None:
    assert found(wrong.sound(size=size)) == []


def with_resize(**values: str) -> onnx.ModelProto:
    net, x, heads = wrong.detector()
    empty = net.constant([], np.float32)
    up = net.node("Resize", [x, empty, net.constant([1, 1, 2, 2])], 16, **values)
    small = net.node("AveragePool", [up], 16, kernel_shape=[16, 16], strides=[16, 16])
    five = net.node("Reshape", [net.conv(small, 24), net.constant([1, 3, 8, 8, 8], np.int64)], 3)
    return net.model(net.node("Transpose", [five], 3, perm=[0, 1, 3, 4, 2]), *heads[1:])


def with_computed_resize() -> onnx.ModelProto:
    net, x, heads = wrong.detector()
    shape = net.node("Shape", [x], 4)
    scales = net.node("Div", [net.node("Cast", [shape], 4, to=FLOAT), net.constant([1.0, 16, 32, 32])], 4)
    values = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    up = net.node("Resize", [x, net.constant([], np.float32), scales], 16, **values)
    return net.model(*heads, net.node("Conv", [up, net.constant(np.ones((16, 16, 1, 1)))], 16))


def half_outputs() -> onnx.ModelProto:
    net, _, heads = wrong.detector()
    casts = [net.node("Cast", [name], 3, to=TensorProto.FLOAT16) for name in heads]
    return net.model(*casts, kind=TensorProto.FLOAT16)


def foreign_operator() -> onnx.ModelProto:
    model = wrong.sound()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return wrong.behind_input(model, "QuickGelu", domain="com.microsoft")


def decided() -> onnx.ModelProto:
    model = wrong.sound()
    value = helper.make_tensor_value_info("inner", FLOAT, None)
    branch = helper.make_graph([helper.make_node("Identity", ["images"], ["inner"])], "b", [], [value])
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node[0].input[0] = "changed"
    return wrong.insert(
        model, helper.make_node("If", ["yes"], ["changed"], "if", then_branch=branch, else_branch=branch)
    )


def five_axes() -> onnx.ModelProto:
    net, _, heads = wrong.detector()
    return net.model(*(net.node("Mul", [name, net.constant(2.0)], 3) for name in heads))


def unnamed() -> onnx.ModelProto:
    model = wrong.sound()
    for node in model.graph.node:
        node.name = ""
    return model


def named_twice() -> onnx.ModelProto:
    model = wrong.sound()
    model.graph.node[1].name = model.graph.node[0].name
    return model


def duplicated_input() -> onnx.ModelProto:
    model = wrong.sound()
    model.graph.input.append(helper.make_tensor_value_info("second", FLOAT, [1, 3, 64, 64]))
    return model


def odd_widths() -> onnx.ModelProto:
    return wrong.sound(width=13)


def new_activation() -> onnx.ModelProto:
    net, _, heads = wrong.detector(opset=14)
    next(node for node in net.nodes if node.op_type == "Relu").op_type = "HardSwish"
    return net.model(*heads)


def newer_norm() -> onnx.ModelProto:
    net, x, heads = wrong.detector(opset=17)
    inputs = [x, net.constant(np.ones(64)), net.constant(np.zeros(64))]
    return net.model(*heads, net.conv(net.node("LayerNormalization", inputs, 16), 24))


def identity() -> onnx.ModelProto:
    return wrong.behind_input(wrong.sound(), "Identity")


def four_heads() -> onnx.ModelProto:
    return wrong.sound(strides=(8, 16, 32, 64))


def own_heads() -> onnx.ModelProto:
    net = wrong.Net()
    x = net.conv("images", 16)
    pooled = net.unary("GlobalAveragePool", net.conv(x, 24))
    return net.model(net.node("Flatten", [pooled], 24))


def infinite_weight() -> onnx.ModelProto:
    model = wrong.sound()
    return wrong.behind_input(model, "Mul", constants={"big": np.float32(1e5)})


def runs_not() -> onnx.ModelProto:
    """The reshape of a head counts more values than there are."""
    model = wrong.sound()
    entry = next(entry for entry in model.graph.initializer if list(entry.dims) == [5])
    entry.CopyFrom(helper.make_tensor(entry.name, TensorProto.INT64, [5], [1, 3, 9, 8, 8]))
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.shape.Clear()
    return model


WRONG = [
    pytest.param(lambda: wrong.sound(opset=13), "opset", "error", True, id="opset 13 for CANN 5"),
    pytest.param(foreign_operator, "operator-unknown", "error", False, id="an operator of onnxruntime's own"),
    pytest.param(decided, "operator-control", "error", False, id="If"),
    pytest.param(new_activation, "operator-too-new", "error", True, id="HardSwish, of opset 14"),
    pytest.param(newer_norm, "operator-too-new", "error", False, id="LayerNormalization, of opset 17"),
    pytest.param(with_computed_resize, "operator-slow", "warning", True, id="Shape in the graph"),
    pytest.param(wrong.suppressed, "nms-in-graph", "warning", True, id="NMS of 5 inputs, which ATC converts"),
    pytest.param(lambda: wrong.suppressed(4), "nms-in-graph", "error", True, id="NMS of 4 inputs, which ends ATC"),
    pytest.param(lambda: wrong.suppressed(3), "nms-in-graph", "error", True, id="NMS of 3 inputs, which ends ATC"),
    pytest.param(lambda: wrong.suppressed(2), "nms-in-graph", "error", True, id="NMS of 2 inputs, which has no shape"),
    pytest.param(
        lambda: wrong.plugged("EfficientNMS_TRT", "TRT"), "nms-in-graph", "error", True, id="an NMS plugin of TensorRT"
    ),
    pytest.param(
        lambda: wrong.plugged("BatchedNMS_TRT", ""), "nms-in-graph", "error", True, id="one in the standard domain"
    ),
    pytest.param(
        lambda: wrong.plugged("YoloLayer_TRT", "TRT"), "operator-unknown", "error", True, id="a plugin behind the heads"
    ),
    pytest.param(
        lambda: wrong.behind_input(wrong.sound(), "grid_sampler"),
        "operator-unknown",
        "error",
        False,
        id="an unknown operator of the standard domain",
    ),
    pytest.param(
        lambda: wrong.with_domain("ai.onnx.ml"), "opset-import", "error", True, id="a domain that is not used"
    ),
    pytest.param(lambda: wrong.with_domain("ai.onnx", 11), "opset-import", "error", True, id="the standard one twice"),
    pytest.param(
        lambda: wrong.with_domain("", 12), "opset-import", "error", False, id="the standard one in two versions"
    ),
    pytest.param(foreign_operator, "opset-import", "error", False, id="a domain that is used"),
    pytest.param(wrong.with_function, "functions", "error", True, id="a function of the model's own"),
    pytest.param(wrong.with_function, "opset-import", "error", True, id="a function's domain"),
    pytest.param(wrong.chosen, "topk-indices", "error", True, id="TopK whose indices are computed with"),
    pytest.param(five_axes, "rank", "warning", False, id="a product on five axes"),
    pytest.param(
        lambda: wrong.change(wrong.sound(), side=(0, None)), "shape-dynamic", "error", False, id="a free batch"
    ),
    pytest.param(lambda: wrong.change(own_heads(), side=(0, 4)), "batch", "warning", False, id="batch 4"),
    pytest.param(wrong.suppressed, "shape-computed", "warning", True, id="as many rows as NMS leaves"),
    pytest.param(lambda: with_resize(mode="cubic"), "resize-mode", "error", False, id="cubic"),
    pytest.param(lambda: with_resize(mode="nearest"), "resize-mode", "warning", False, id="half pixels"),
    pytest.param(with_computed_resize, "resize-computed", "error", False, id="a size that is computed"),
    pytest.param(half_outputs, "output-type", "error", False, id="outputs in half precision"),
    pytest.param(wrong.decoded, "heads-decoded", "error", True, id="decoded boxes"),
    pytest.param(wrong.branches, "heads-decoded", "error", True, id="decoded boxes of YOLOv8"),
    pytest.param(five_axes, "heads-decoded", "error", True, id="something behind the heads"),
    pytest.param(own_heads, "heads-unknown", "warning", False, id="no heads at all"),
    pytest.param(four_heads, "p6", "error", False, id="a head of stride 64"),
    pytest.param(
        lambda: wrong.change(wrong.sound(), kind=TensorProto.FLOAT16), "input-shape", "error", False, id="a half input"
    ),
    pytest.param(duplicated_input, "input-shape", "error", False, id="two inputs"),
    pytest.param(lambda: wrong.sound(size=(64, 72)), "size-alignment", "error", False, id="72 px wide"),
    pytest.param(lambda: wrong.sound(size=(64, 16), strides=(8, 16)), "size-range", "error", False, id="16 px wide"),
    pytest.param(lambda: wrong.focused(), "focus", "warning", True, id="Focus"),
    pytest.param(lambda: wrong.focused(merged=True), "focus", "warning", True, id="Focus, simplified"),
    pytest.param(odd_widths, "channels", "note", False, id="13 channels"),
    pytest.param(identity, "identity", "note", True, id="Identity"),
    pytest.param(lambda: wrong.change(wrong.sound(), name="my images"), "names", "error", False, id="a blank"),
    pytest.param(lambda: wrong.change(wrong.sound(), name="images:0"), "names", "error", False, id="TensorFlow's :0"),
    pytest.param(named_twice, "names-twice", "error", False, id="two nodes of one name"),
    pytest.param(unnamed, "names-missing", "note", False, id="nodes without names"),
    pytest.param(
        lambda: wrong.scale_weights(wrong.sound(), 1e4), "fp16-range", "error", False, id="values beyond half"
    ),
    pytest.param(infinite_weight, "fp16-weights", "error", False, id="a weight beyond half"),
    pytest.param(runs_not, "runs", "error", False, id="a reshape that does not add up"),
]


@pytest.mark.parametrize(("make", "rule", "severity", "fixable"), WRONG)
def test_each_finding_has_its_wrong_graph(
    make: Callable[[], onnx.ModelProto], rule: str, severity: str, fixable: bool
) -> None:
    findings = [finding for finding in found(make()) if finding.rule == rule]
    assert [finding.severity for finding in findings] == [severity] * len(findings) and findings
    for finding in findings:
        assert finding.fixable == fixable
        assert finding.place and finding.sentence and finding.remedy
        assert finding.to_text().startswith(f"{severity}: {rule}: {finding.place}: ")


def test_what_a_newer_cann_takes() -> None:
    assert found(new_activation(), "8.3.RC1") == []
    assert rules(found(wrong.sound(opset=13), "8.1.RC1")) == {}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "bundle"))


def bundle_findings(bundle: Path, soc: str = "Ascend310") -> list[Finding]:
    return lint(open_subject(bundle, "5.0.4", soc), activations=False)


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        text = (bundle / name).read_text()
        assert old in text
        (bundle / name).write_text(text.replace(old, new))

    return apply


def model_change(change: Callable[[onnx.ModelProto], object]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        model = onnx.load(bundle / "model.onnx")
        change(model)
        onnx.save(model, bundle / "model.onnx")
        file = bundle / "bundle.json"
        described = json.loads(file.read_text())
        described["files"]["model.onnx"] = file_sha256(bundle / "model.onnx")
        file.write_text(json.dumps(described))

    return apply


def other_anchors(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"anchors": json.dumps([[[1, 2]] * 3] * 3)})


def divide(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "images":
                node.input[index] = "unit"
    model.graph.initializer.append(helper.make_tensor("c255", FLOAT, [], [255.0]))
    wrong.insert(model, helper.make_node("Div", ["images", "c255"], ["unit"], "unit"))


def without_aipp(bundle: Path) -> None:
    """No aipp.cfg, and none that bundle.json lists."""
    (bundle / "aipp.cfg").unlink()
    described = json.loads((bundle / "bundle.json").read_text())
    del described["files"]["aipp.cfg"]
    (bundle / "bundle.json").write_text(json.dumps(described))


BUNDLES = [
    pytest.param(without_aipp, "aipp-missing", "error", id="no AIPP file"),
    pytest.param(edit("aipp.cfg", "size_w: 320", "size_w: 640"), "aipp-size", "error", id="AIPP for another size"),
    pytest.param(model_change(divide), "scaled-twice", "error", id="/255"),
    pytest.param(model_change(other_anchors), "config-anchors", "error", id="other anchors than in training"),
    pytest.param(edit("detect.cfg", "CLASS_NUM=3", "CLASS_NUM=4"), "pipeline", "error", id="a class too many"),
    pytest.param(edit("detect.cfg", "BIASES_NUM=18", "BIASES_NUM=16"), "config", "error", id="BIASES cut short"),
    pytest.param(edit("labels.names", "barcode\n", ""), "pipeline", "error", id="a name too few"),
    pytest.param(edit("aipp.cfg", "csc_switch: true", "csc_switch: yes"), "aipp", "error", id="a broken AIPP file"),
    pytest.param(
        edit("detect.pipeline", '"resizeWidth": "320"', '"resizeWidth": "96"'),
        "pipeline",
        "error",
        id="resized wrongly",
    ),
]


def test_the_bundle_itself_has_none(bundle: Path) -> None:
    assert not {"error", "warning"} & {f.severity for f in bundle_findings(bundle)}


@pytest.mark.parametrize(("spoil", "rule", "severity"), BUNDLES)
def test_each_finding_has_its_wrong_bundle(
    bundle: Path, spoil: Callable[[Path], None], rule: str, severity: str
) -> None:
    spoil(bundle)
    findings = bundle_findings(bundle)
    assert any((f.rule, f.severity) == (rule, severity) for f in findings), findings


def test_another_chip_than_the_bundles(bundle: Path) -> None:
    assert rules(bundle_findings(bundle, "Ascend310P3"))["soc"] == "warning"


def test_images_decide() -> None:
    """A model that is sound on dark images and beyond half precision on bright ones."""
    model = wrong.scale_weights(wrong.sound(), 4.0)
    subject = Subject(GraphFacts(model), "m", "5.0.4", "Ascend310")
    dark = np.zeros((1, 3, 64, 64), np.float32)
    assert "fp16-range" not in rules(lint(subject, dark))
    assert "fp16-range" in rules(lint(subject, np.full_like(dark, 1e5)))


@pytest.mark.parametrize(
    ("cann", "soc", "sentence"), [("4.0", "Ascend310", "--cann '4.0'"), ("5.0.4", "310", "--soc '310'")]
)
def test_wrong_targets(bundle: Path, cann: str, soc: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        open_subject(bundle, cann, soc)


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a bundle"):
        open_subject(tmp_path, "5.0.4", "Ascend310")
    with pytest.raises(ModelError, match="no such file, expected an ONNX model"):
        open_subject(tmp_path / "gone.onnx", "5.0.4", "Ascend310")
