"""The post-processor plugin: its files and what it refuses (the decoding itself is tested with deploy.postprocess)."""

import logging

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Image, TensorPackages, Tensors
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, TENSORS, Plugin
from deploy.host.plugins.mxpi_objectpostprocessor import ObjectPostProcessor
from deploy.sdk_codes import SdkFault


class Model(Plugin):
    produces = TENSORS
    output_shapes = ((1, 3, 16, 16, 8), (1, 3, 8, 8, 8), (1, 3, 4, 4, 8))

    def __init__(self):
        super().__init__(Element("infer0", "", {}))


class Resizer(Plugin):
    produces = IMAGE

    def __init__(self):
        super().__init__(Element("resize0", "", {}))


@pytest.fixture
def folder(tiny_bundle):
    return tiny_bundle()


def processor(folder, upstream=None, **props):
    props = {
        "postProcessConfigPath": str(folder / "detect.cfg"),
        "labelPath": str(folder / "labels.names"),
        "postProcessLibPath": "libyolov3postprocess.so",
        **props,
    }
    table = ObjectPostProcessor.PROPERTIES
    values = read_properties("s.post0", "mxpi_objectpostprocessor", props, table)
    plugin = ObjectPostProcessor(Element("post0", "mxpi_objectpostprocessor", values))
    plugin.connect([Model()] if upstream is None else upstream, [])
    return plugin


def heads(hit=True):
    outputs = [np.full(shape, -20, np.float32) for shape in Model.output_shapes]
    if hit:
        outputs[1][0, 1, 2, 5] = [0, 0, 0, 0, 9, -9, 9, -9]
    image = Image(np.empty((128, 128, 3), np.uint8), 128, 128, 256, 256, 2, 0.5)
    return Frame(b"", {"infer0": TensorPackages([Tensors(outputs, image)])})


def test_objects(folder):
    frame = heads()
    processor(folder).process(frame)
    objects = frame.metadata["post0"]
    assert objects.names == ["green"]
    assert objects.data_source == "infer0"
    # the cell at row 2, column 5 of 16 px, twice as large in the original
    assert objects.detections[0, :4].tolist() == pytest.approx([160, 64, 192, 96], abs=0.1)


def test_no_detection_adds_nothing(folder):
    frame = heads(hit=False)
    processor(folder).process(frame)
    assert "post0" not in frame.metadata


@pytest.mark.parametrize("as_text", [False, True], ids=["an object", "its text"])
def test_content_wins_over_the_path(folder, as_text):
    lines = (folder / "detect.cfg").read_text().splitlines()
    content = dict(line.split("=") for line in lines) | {"OBJECTNESS_THRESH": "1"}
    if as_text:
        content = "{" + ",".join(f'"{key}":"{value}"' for key, value in content.items()) + "}"
    frame = heads()
    processor(folder, postProcessConfigContent=content).process(frame)
    assert "post0" not in frame.metadata


def test_library_may_be_a_path(folder):
    processor(folder, postProcessLibPath="/usr/local/sdk_home/lib/modelpostprocessors/libyolov3postprocess.so")


def test_a_class_without_a_label_has_an_empty_name(folder, caplog):
    (folder / "labels.names").write_text("red\n")
    frame = heads()
    with caplog.at_level(logging.WARNING):
        processor(folder).process(frame)
    assert frame.metadata["post0"].names == [""]
    assert "1 label(s) for CLASS_NUM=3" in caplog.text


@pytest.mark.parametrize(
    ("props", "code", "sentence"),
    [
        pytest.param({"postProcessLibPath": "libMpYOLOv5PostProcessor.so"}, 1005, "libMpYOLOv5", id="the old library"),
        pytest.param({"postProcessLibPath": ""}, 1016, "is not set", id="no library"),
        pytest.param(
            {"postProcessLibPath": "/opt/app/libmypost.so"}, 1005, "write a Python class", id="a library of the app"
        ),
        pytest.param({"postProcessConfigPath": "none.cfg"}, 1016, "none.cfg", id="no such config"),
        pytest.param({"postProcessConfigPath": ""}, 1016, "CLASS_NUM is missing", id="no config at all"),
        pytest.param({"postProcessConfigContent": {"A": 1}}, 1004, "as a string", id="a number in the content"),
        pytest.param({"labelPath": "none.names"}, 1016, "none.names", id="no such label file"),
    ],
)
def test_mistakes(folder, props, code, sentence):
    with pytest.raises(SdkFault, match="post0: ") as caught:
        processor(folder, **props)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_it_needs_tensors_of_the_right_shape(folder):
    with pytest.raises(SdkFault, match="resize0 hands on an image") as caught:
        processor(folder, upstream=[Resizer()])
    assert caught.value.code == 6006
    text = (folder / "detect.cfg").read_text().replace("CLASS_NUM=3", "CLASS_NUM=4")
    (folder / "detect.cfg").write_text(text)
    with pytest.raises(SdkFault, match="CLASS_NUM=4"):
        processor(folder)
