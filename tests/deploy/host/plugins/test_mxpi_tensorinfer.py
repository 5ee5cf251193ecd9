"""The model: which file, what goes in, what comes out."""

import logging

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Image, Images
from deploy.host.numerics import Numerics, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
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
    with pytest.raises(SdkFault, match="cannot read the model") as caught:
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
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    kind, shape = changes.get("type", onnx.TensorProto.FLOAT), changes.get("shape", [1, 3, 64, 64])
    names = [f"x{i}" for i in range(changes.get("inputs", 1))]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in names]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name in names]
    outputs = [helper.make_tensor_value_info(f"{name}_out", kind, shape) for name in names]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.save(model, str(path))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"shape": [1, 3, "h", "w"]}, "of a fixed size", id="a dynamic size"),
        pytest.param({"shape": ["n", 3, 64, 64]}, "of a fixed size", id="a dynamic batch"),
        pytest.param({"shape": [2, 3, 64, 64]}, "[1, 3, height, width]", id="a batch of two"),
        pytest.param({"shape": [1, 1, 64, 64]}, "takes 1 channels, and no aipp.cfg", id="one channel"),
        pytest.param({"shape": [1, 2, 64, 64]}, "[1, 3, height, width]", id="two channels"),
        pytest.param({"type": 10}, "expected float32", id="half floats"),
        pytest.param({"inputs": 2}, "has 2 inputs", id="two inputs"),
    ],
)
def test_models_that_do_not_fit(tmp_path, changes, sentence):
    onnx_model(tmp_path / "model.onnx", **changes)
    with pytest.raises(SdkFault) as caught:
        infer(tmp_path / "model.om", (64, 64))
    assert sentence in caught.value.sentence
