"""The model: which file, what goes in, what comes out."""

import logging

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Image, Images
from deploy.host.numerics import Numerics, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import ANYTHING, IMAGE, Plugin
from deploy.host.plugins.mxpi_tensorinfer import TensorInfer
from deploy.sdk_codes import SdkFault


class Source(Plugin):
    """An element that hands on images: a resizer of that size, or a decoder."""

    produces = IMAGE

    def __init__(self, size=None):
        super().__init__(Element("source0", "", {}))
        self.output_size = size


def infer(path, size=(128, 128)):
    values = read_properties("s.infer0", "mxpi_tensorinfer", {"modelPath": str(path)}, TensorInfer.PROPERTIES)
    plugin = TensorInfer(Element("infer0", "mxpi_tensorinfer", values))
    plugin.connect([Source(size)], [])
    return plugin


def run(plugin, pixels):
    size = pixels.shape[1], pixels.shape[0]
    frame = Frame(b"", {"source0": Images([Image(pixels, *size, *size)])})
    plugin.process(frame)
    return frame.metadata["infer0"][0]


def test_runs_the_onnx_beside_the_om(tiny_bundle, blob_image):
    plugin = infer(tiny_bundle() / "model.om")
    tensors = run(plugin, blob_image([(1, 2, 0)]))
    assert [output.shape for output in tensors.outputs] == [(1, 3, s, s, 8) for s in (16, 8, 4)]
    objectness = tensors.outputs[1][0, 1, :, :, 4]
    assert np.argwhere(objectness > 0).tolist() == [[2, 1]]


def test_channel_order_comes_from_the_aipp_file(tiny_bundle, blob_image):
    folder = tiny_bundle()
    text = (folder / "aipp.cfg").read_text()
    for row, values in enumerate(((256, 454, 0), (256, -88, -183), (256, 0, 359))):
        for column, value in enumerate(values):
            key = f"matrix_r{row}c{column}"
            lines = [line if key not in line else f"    {key}: {value}" for line in text.splitlines()]
            text = "\n".join(lines)
    red = run(infer(folder / "model.om"), blob_image([(0, 0, 0)])).outputs[1][0, 1, 0, 0, 5:]
    (folder / "aipp.cfg").write_text(text)
    swapped = run(infer(folder / "model.om"), blob_image([(0, 0, 0)])).outputs[1][0, 1, 0, 0, 5:]
    assert red.argmax() == 0
    np.testing.assert_allclose(swapped, red[::-1], atol=1e-5)


def test_without_an_aipp_file_it_says_so(tiny_bundle, blob_image, caplog):
    folder = tiny_bundle()
    expected = run(infer(folder / "model.om"), blob_image([(3, 3, 1)])).outputs[1]
    (folder / "aipp.cfg").unlink()
    with caplog.at_level(logging.WARNING):
        plugin = infer(folder / "model.om")
    assert "no aipp.cfg" in caplog.text
    np.testing.assert_allclose(run(plugin, blob_image([(3, 3, 1)])).outputs[1], expected, atol=1e-4)


def test_missing_and_broken_models(tiny_bundle):
    folder = tiny_bundle()
    with pytest.raises(SdkFault, match=r"no model .*other\.onnx") as caught:
        infer(folder / "other.om")
    assert caught.value.code == 1016
    (folder / "model.onnx").write_bytes(b"this is no model")
    with pytest.raises(SdkFault, match="is no ONNX model that can run") as caught:
        infer(folder / "model.om")
    assert caught.value.code == 1020
    with pytest.raises(SdkFault, match=r"it names an \.om file"):
        infer(folder / "labels.names")


def test_the_resizer_must_make_what_the_model_takes(tiny_bundle):
    with pytest.raises(SdkFault, match=r"source0 makes images of 320 x 320 px.* takes 128 x 128") as caught:
        infer(tiny_bundle() / "model.om", (320, 320))
    assert caught.value.code == 1004


def test_a_wrong_aipp_file_is_named(tiny_bundle):
    folder = tiny_bundle()
    (folder / "aipp.cfg").write_text("aipp_op {\n  aip_mode: static\n}")
    with pytest.raises(SdkFault, match=r'aipp\.cfg: line 2: .* did you mean "aipp_mode"'):
        infer(folder / "model.om")


def decoded(width, height, aligned):
    """A dark grey image as the decoder hands it on."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    return Image(pixels, width, height, width, height, width_aligned=aligned[0], height_aligned=aligned[1])


def test_straight_from_the_decoder(tiny_bundle):
    plugin = infer(tiny_bundle() / "model.om", None)
    for width, height in ((128, 128), (120, 115)):  # the board compares the buffer, which is aligned to 128 x 16 px
        frame = Frame(b"", {"source0": Images([decoded(width, height, (128, 128))])})
        plugin.process(frame)
        assert not (frame.metadata["infer0"][0].outputs[1][..., 4] > 0).any()
    with pytest.raises(SdkFault, match="put mxpi_imageresize before it") as caught:
        plugin.process(Frame(b"", {"source0": Images([decoded(64, 96, (128, 96))])}))
    assert caught.value.code == 3001
    narrow = infer(tiny_bundle((64, 64), name="narrow") / "model.om", None)
    with pytest.raises(SdkFault, match="128 x 64 as source0 aligns it"):
        narrow.process(Frame(b"", {"source0": Images([decoded(64, 64, (128, 64))])}))


def test_half_rounds_what_the_model_computes(tiny_bundle, blob_image):
    path = tiny_bundle() / "model.om"
    exact = run(infer(path), blob_image([(1, 2, 0)])).outputs
    with applied(Numerics(half=True)):
        plugin = infer(path)
    rounded = run(plugin, blob_image([(1, 2, 0)])).outputs
    for ours, theirs in zip(rounded, exact):
        assert (ours == ours.astype(np.float16)).all()
        np.testing.assert_allclose(ours, theirs, rtol=0.01, atol=0.05)
    assert any((ours != theirs).any() for ours, theirs in zip(rounded, exact))


def test_a_crop_of_aipp_makes_the_input_larger_than_the_model(tiny_bundle, blob_image):
    folder = tiny_bundle()
    text = (folder / "aipp.cfg").read_text().replace("crop: false", "crop: true\n load_start_pos_w: 16")
    text = text.replace("src_image_size_w: 128", "src_image_size_w: 160")
    (folder / "aipp.cfg").write_text(text)
    plugin = infer(folder / "model.om", (160, 128))
    assert plugin.input_size == (160, 128)
    objectness = run(plugin, blob_image([(3, 2, 0)], width=160)).outputs[1][0, 1, :, :, 4]
    assert np.argwhere(objectness > 0).tolist() == [[2, 2]]


def test_an_image_of_the_opencv_way_is_not_for_yuv(tiny_bundle):
    plugin = infer(tiny_bundle() / "model.om")
    image = Image(np.zeros((128, 128, 3), np.uint8), 128, 128, 128, 128, host=True)
    with pytest.raises(SdkFault, match=r"^infer0: the image is RGB888_U8") as caught:
        plugin.process(Frame(b"", {"source0": Images([image])}))
    assert caught.value.code == 3001


def onnx_model(path, **changes):
    """A model that passes its input through, with another type, shape or number of inputs."""
    names = [f"x{i}" for i in range(changes.get("inputs", 1))]
    kind, shape = changes.get("type", 1), changes.get("shape", [1, 3, 64, 64])
    save(path, [("Identity", [name], [f"{name}_out"]) for name in names], dict.fromkeys(names, (kind, shape)))


def save(path, nodes, inputs, outputs=None):
    """An ONNX file of nodes (operator, inputs, outputs); `inputs` and `outputs` are {name: (type, shape)}."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    outputs = outputs or {f"{name}_out": entry for name, entry in inputs.items()}
    graph = helper.make_graph(
        [helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
        "g",
        [helper.make_tensor_value_info(name, *entry) for name, entry in inputs.items()],
        [helper.make_tensor_value_info(name, *entry) for name, entry in outputs.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8), str(path))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"shape": [1, 3, "h", "w"]}, "of a fixed size", id="a dynamic size"),
        pytest.param({"shape": [1, 1, 64, 64]}, "takes 1 channels, and no aipp.cfg", id="one channel"),
        pytest.param({"shape": [1, 2, 64, 64]}, "[1, 3, height, width]", id="two channels"),
        pytest.param({"shape": [1, 300]}, "float32 [1, 300]; for images", id="another rank"),
        pytest.param({"type": 10}, "is float16 [1, 3, 64, 64]; for images", id="half floats"),
        pytest.param({"inputs": 2}, "has 2 inputs (x0, x1)", id="two inputs"),
    ],
)
def test_models_that_take_no_image(tmp_path, changes, sentence):
    onnx_model(tmp_path / "model.onnx", **changes)
    with pytest.raises(SdkFault) as caught:
        infer(tmp_path / "model.om", (64, 64))
    assert sentence in caught.value.sentence


def test_inputs_that_no_board_has(tmp_path):
    onnx_model(tmp_path / "model.onnx", type=8)  # strings
    with pytest.raises(SdkFault, match=r"input x0 is tensor\(string\)") as caught:
        infer(tmp_path / "model.om", (64, 64))
    assert caught.value.code == 1004


@pytest.mark.parametrize("shape", [["n", 3, 64, 64], [2, 3, 64, 64], [1, 64, 64, 3]], ids=["free", "two", "NHWC"])
def test_images_in_batches_and_channels_last(tmp_path, shape):
    onnx_model(tmp_path / "model.onnx", shape=shape)
    plugin = infer(tmp_path / "model.om", (64, 64))
    image = Image(np.full((64, 64, 3), (51, 0, 255), np.uint8), 64, 64, 64, 64)
    frame = Frame(b"", {"source0": Images([image] * 3)})
    plugin.process(frame)
    outputs = [package.outputs[0] for package in frame.metadata["infer0"]]
    assert [output.shape for output in outputs] == [(1, *shape[1:])] * 3
    axis = shape.index(3)
    for output in outputs:
        means = output.mean(tuple({1, 2, 3} - {axis}))
        np.testing.assert_allclose(means, [[1, 0, 0.2]], atol=1e-4)


FLOAT, UINT8, INT32, INT64, BOOL, HALF = 1, 2, 6, 7, 9, 10


def tensor_list(*packages):
    """An MxpiTensorPackageList as SendProtobuf leaves it in a frame."""
    from deploy.host.metadata.messages import to_message
    from deploy.host.metadata.values import TensorPackages, Tensors

    return to_message(TensorPackages([Tensors(list(arrays)) for arrays in packages]))


def fed(path, *sources, keys=("in0",), **props):
    """The first package of outputs of a model that is sent these messages; `keys` are the data sources."""
    values = {"modelPath": str(path), "dataSource": ", ".join(keys), **props}
    values = read_properties("s.infer0", "mxpi_tensorinfer", values, TensorInfer.PROPERTIES)
    plugin = TensorInfer(Element("infer0", "mxpi_tensorinfer", values))
    appsrc = Plugin(Element("appsrc0", "appsrc", {}))
    appsrc.produces = ANYTHING
    plugin.inputs = [[appsrc]] * len(keys)
    plugin.connect([appsrc], [])
    frame = Frame(b"", dict(zip(keys, sources)))
    plugin.process(frame)
    return frame.metadata.get("infer0")


# what a board sees of a tensor are its bytes: MxpiTensorInfer.cpp, CheckTensorShape (a warning) and CheckTensorDatasize
@pytest.mark.parametrize(
    ("kind", "shape", "sent"),
    [
        pytest.param(FLOAT, [2, 5], np.arange(5, dtype=np.float32)[None], id="a batch of two, one at a time"),
        pytest.param(FLOAT, [1, 3, 4], np.arange(12, dtype=np.float32).reshape(1, 3, 4), id="rank 3"),
        pytest.param(FLOAT, [1, 3, 4], np.arange(12, dtype=np.float32), id="another shape, the same bytes"),
        pytest.param(FLOAT, [6], np.arange(6, dtype=np.float32), id="rank 1, whose first side is a batch"),
        pytest.param(INT64, [1, 8], np.arange(8), id="int64"),
        pytest.param(INT32, [1, 8], np.arange(8, dtype=np.int32), id="int32"),
        pytest.param(UINT8, [1, 4, 4, 3], np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3), id="uint8 NHWC"),
        pytest.param(BOOL, [1, 4], np.array([[True, False, True, True]]), id="bool"),
        pytest.param(HALF, [1, 4], np.arange(4, dtype=np.float16), id="float16"),
        pytest.param(FLOAT, [1, 4], np.arange(4, dtype=np.float16), id="float16 into float32"),
        pytest.param(FLOAT, [1, "n", 4], np.arange(24, dtype=np.float32).reshape(1, 6, 4), id="an open side"),
        pytest.param(FLOAT, ["b", "n", 4], np.arange(24, dtype=np.float32).reshape(2, 3, 4), id="two open sides"),
        pytest.param(FLOAT, [1, 1, 2, 2, 3, 2], np.arange(24, dtype=np.float32), id="rank 6"),
    ],
)
def test_tensors_of_any_rank_and_type(tmp_path, kind, shape, sent):
    onnx_model(tmp_path / "model.onnx", type=kind, shape=shape)
    one_by_one = {"singleBatchInfer": "1"} if len(shape) == 1 else {}
    (package,) = fed(tmp_path / "model.om", tensor_list([sent]), **one_by_one)
    assert package.outputs[0].ravel().tolist() == sent.ravel().tolist()
    from deploy.host.metadata.messages import to_message
    from deploy.host.metadata.values import TensorPackages

    message = to_message(TensorPackages([package])).tensorPackageVec[0]
    assert message.tensorVec[0].tensorShape[0] == 1
    assert list(message.headerVec[0].dataSource) == list("in0")


@pytest.mark.parametrize(
    ("packages", "sentence"),
    [
        pytest.param(
            ([np.zeros(5, np.float32)],),
            "float32 [1, 4], 16 bytes an entry; float32 [5] comes in, 20 bytes",
            id="too many bytes",
        ),
        pytest.param(([np.zeros(4, np.float64)],), "float64 [4] comes in, 32 bytes", id="wider numbers"),
        pytest.param(([np.zeros(4, np.float32)] * 2,), "2 tensor(s) come in", id="one tensor too many"),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, packages, sentence):
    onnx_model(tmp_path / "model.onnx", shape=[1, 4])
    with pytest.raises(SdkFault) as caught:
        fed(tmp_path / "model.om", tensor_list(*packages))
    assert caught.value.code == 1001 and sentence in caught.value.sentence


def two_inputs(path):
    """a - b and, in int64, the place of its greatest value."""
    sides = {"a": (FLOAT, [1, 4]), "b": (FLOAT, [1, 4])}
    nodes = [("Sub", ["a", "b"], ["c"]), ("ArgMax", ["c"], ["i"], {"axis": 1, "keepdims": 0})]
    save(path, nodes, sides, {"c": (FLOAT, [1, 4]), "i": (INT64, [1])})


A, B = np.array([[1, 9, 3, 4]], np.float32), np.array([[1, 1, 0, 0]], np.float32)


@pytest.mark.parametrize(
    ("sources", "keys"),
    [
        pytest.param([[[A], [A]], [[B], [B]]], ("in0", "in1"), id="from two elements"),
        pytest.param([[[A, B], [A, B]]], ("in0",), id="from one with two tensors"),
    ],
)
def test_several_inputs_and_int64_outputs(tmp_path, sources, keys):
    two_inputs(tmp_path / "model.onnx")
    packages = fed(tmp_path / "model.om", *(tensor_list(*source) for source in sources), keys=keys)
    assert [package.outputs[0].tolist() for package in packages] == [(A - B).tolist()] * 2
    assert packages[1].outputs[1].dtype == np.int64 and packages[1].outputs[1].tolist() == [1]
    assert [header[:2] for header in packages[1].headers] == [(key, 1) for key in keys]


def test_sources_of_different_lengths(tmp_path):
    two_inputs(tmp_path / "model.onnx")
    with pytest.raises(SdkFault, match="in0 2, in1 1") as caught:
        fed(tmp_path / "model.om", tensor_list([A], [A]), tensor_list([B]), keys=("in0", "in1"))
    assert caught.value.code == 1001


def test_each_source_has_a_link_of_its_own(tmp_path):
    two_inputs(tmp_path / "model.onnx")
    values = {"modelPath": str(tmp_path / "model.om"), "dataSource": "in0,in1"}
    plugin = TensorInfer(
        Element("infer0", "", read_properties("s", "mxpi_tensorinfer", values, TensorInfer.PROPERTIES))
    )
    plugin.inputs = [[Source()]]
    with pytest.raises(SdkFault, match="names 2 elements, and 1 link") as caught:
        plugin.connect([Source()], [])
    assert caught.value.code == 1004


def test_a_buffer_without_data_passes(tmp_path):
    onnx_model(tmp_path / "model.onnx", shape=[1, 4])
    assert fed(tmp_path / "model.om", keys=("nobody",)) is None


def test_metadata_that_are_neither_images_nor_tensors(tmp_path):
    from deploy.host.metadata.messages import types

    onnx_model(tmp_path / "model.onnx", shape=[1, 4])
    with pytest.raises(SdkFault, match="neither images nor tensors") as caught:
        fed(tmp_path / "model.om", types().MxpiObjectList())
    assert caught.value.code == 7011


@pytest.mark.parametrize(
    ("shape", "info"),
    [
        pytest.param([1, 3, 4, 6], {}, id="no format and no size"),
        pytest.param([1, 3, 4, 6], {"format": 13, "width": 6, "height": 4}, id="float BGR of that size"),
        pytest.param([1, 72], {"format": 1, "width": 6, "height": 4}, id="a network of another rank"),
    ],
)
def test_raw_floats_in_a_list_of_images(tmp_path, shape, info):
    from deploy.host.metadata.messages import types

    values = np.linspace(-1, 1, 72, dtype=np.float32)
    message = types().MxpiVisionList()
    vision = message.visionVec.add()
    for key, value in info.items():
        setattr(vision.visionInfo, key, value)
    vision.visionData.dataStr = values.tobytes()
    vision.visionData.dataType = 1
    onnx_model(tmp_path / "model.onnx", shape=shape)
    (package,) = fed(tmp_path / "model.om", message)
    assert package.outputs[0].ravel().tolist() == values.tolist()


@pytest.mark.parametrize(
    ("shape", "number"),
    [
        pytest.param([], 0, id="no shape"),
        pytest.param([1, 8], 0, id="int64 called float32, as where the type is left out"),
        pytest.param([2, 9], 9, id="another shape than the bytes have"),
        pytest.param([1, 8], 77, id="a type that there is not"),
    ],
)
def test_what_a_tensor_is_called_does_not_matter(tmp_path, shape, number):
    message = tensor_list([np.arange(8)])
    tensor = message.tensorPackageVec[0].tensorVec[0]
    del tensor.tensorShape[:]
    tensor.tensorShape.extend(shape)
    tensor.tensorDataType = number
    onnx_model(tmp_path / "model.onnx", type=INT64, shape=[1, 8])
    (package,) = fed(tmp_path / "model.om", message)
    assert package.outputs[0].tolist() == [list(range(8))]


def test_a_tensor_that_is_the_image_aipp_takes(tiny_bundle, blob_image):
    """A board compares with the OM's input, which is what AIPP takes: the bytes of NV12."""
    folder = tiny_bundle()
    nv12 = np.full((192, 128), 128, np.uint8)
    nv12[:128] = 20
    (package,) = fed(folder / "model.om", tensor_list([nv12]))
    assert not (package.outputs[1][..., 4] > 0).any()
    with pytest.raises(SdkFault, match="has AIPP, which takes 128 x 128 px of YUV420SP_U8") as caught:
        fed(folder / "model.om", tensor_list([np.zeros((1, 3, 128, 128), np.float32)]))
    assert caught.value.code == 1001


def test_models_of_one_folder_with_aipp_files_of_their_own(tiny_bundle):
    folder = tiny_bundle()
    onnx_model(folder / "second.onnx", shape=[1, 3, 64, 64])
    with pytest.raises(SdkFault, match=r"aipp\.cfg"):
        infer(folder / "second.om", (64, 64))
    text = (folder / "aipp.cfg").read_text().replace("128", "64").replace("input_bias_1: 64", "input_bias_1: 128")
    (folder / "second.aipp.cfg").write_text(text)
    assert infer(folder / "second.om", (64, 64)).input_size == (64, 64)
