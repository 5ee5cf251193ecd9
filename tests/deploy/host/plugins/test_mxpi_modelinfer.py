"""The old generation's model element: its libraries, what it refuses, and that it always leaves metadata."""

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Header, Image, Images, Objects, TensorPackages
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, OBJECTS, TENSORS, Plugin
from deploy.host.plugins.mxpi_modelinfer import YOLOV3, YOLOV5, ModelInfer
from deploy.sdk_codes import SdkFault


class Source(Plugin):
    def __init__(self, name, produces, size=None):
        super().__init__(Element(name, "", {}))
        self.produces, self.output_size = produces, size


@pytest.fixture
def folder(tiny_bundle):
    return tiny_bundle()


def infer(folder, size=(128, 128), **props):
    props = {
        "modelPath": str(folder / "model.om"),
        "postProcessConfigPath": str(folder / "detect.cfg"),
        "labelPath": str(folder / "labels.names"),
        "postProcessLibPath": YOLOV5,
        **props,
    }
    values = read_properties("s.infer0", "mxpi_modelinfer", props, ModelInfer.PROPERTIES)
    plugin = ModelInfer(Element("infer0", "mxpi_modelinfer", values))
    plugin.connect([Source("crop0", OBJECTS), Source("resize0", IMAGE, size)], [])
    return plugin


def run(plugin, pixels, scale=2, objects=None):
    height, width = pixels.shape[:2]
    image = Image(pixels, width, height, width * scale, height * scale, 2, 1 / scale, headers=(Header("crop0", 0),))
    frame = Frame(b"", {"resize0": Images([image])})
    if objects is not None:
        frame.metadata["crop0"] = objects
    plugin.process(frame)
    return frame.metadata["infer0"]


def test_objects_on_the_original_image(folder, blob_image):
    objects = run(infer(folder, parentName="resize0"), blob_image([(5, 2, 1)]))
    assert isinstance(objects, Objects)
    assert objects.names == ["green"]
    assert objects.data_source == "resize0"  # what the header says in this generation
    assert objects.detections[0, :4].tolist() == pytest.approx([160, 64, 192, 96], abs=0.5)


def test_no_detection_is_an_empty_list(folder, blob_image):
    objects = run(infer(folder), blob_image([]))
    assert isinstance(objects, Objects)
    assert objects.detections.shape == (0, 6)


def test_without_a_library_the_tensors_are_handed_on(folder, blob_image):
    plugin = infer(folder, postProcessLibPath="", postProcessConfigPath="", labelPath="")
    assert plugin.produces == TENSORS
    packages = run(plugin, blob_image([(1, 1, 0)]))
    assert isinstance(packages, TensorPackages)
    assert [output.shape for output in packages[0].outputs] == [(1, 3, s, s, 8) for s in (16, 8, 4)]


def test_defaults_are_the_old_ones(folder, blob_image):
    (folder / "few.cfg").write_text((folder / "detect.cfg").read_text().replace("SCORE_THRESH=0.4\n", "", 1))
    plugin = infer(folder, postProcessConfigPath=str(folder / "few.cfg"))
    assert len(run(plugin, blob_image([(5, 2, 1)])).detections) == 1


def test_content_in_place_of_a_file(folder, blob_image):
    lines = (folder / "detect.cfg").read_text().splitlines()
    content = dict(line.split("=") for line in lines) | {"OBJECTNESS_THRESH": "1"}
    assert not len(run(infer(folder, postProcessConfigContent=content), blob_image([(5, 2, 1)])).detections)


def test_boxes_of_a_crop_are_moved_to_where_it_was_cut_out(folder, blob_image):
    cut = Objects(np.array([[100.7, 30.2, 356.7, 286.2, 1, 0]], np.float32), ["car"], "post0")
    objects = run(infer(folder, pictureCropName="crop0"), blob_image([(5, 2, 1)]), objects=cut)
    # its corner is cut to whole pixels in this generation
    assert objects.detections[0, :4].tolist() == pytest.approx([260, 94, 292, 126], abs=0.5)


@pytest.mark.parametrize(
    ("props", "code", "sentence"),
    [
        pytest.param({"postProcessLibPath": "libyolov3postprocess.so"}, 1005, "runs libMp", id="the new library"),
        pytest.param({"postProcessConfigPath": ""}, 1019, "postProcessConfigPath is not set", id="no config"),
        pytest.param({"labelPath": ""}, 1019, "labelPath is not set", id="no labels, which are needed here"),
        pytest.param({"postProcessConfigPath": "none.cfg"}, 1016, "none.cfg", id="no such config"),
        pytest.param({"postProcessConfigContent": {"BIASES": "1,2"}}, 1004, "has 2", id="wrong anchors"),
        pytest.param({"postProcessLibPath": YOLOV3}, 1004, "24 channels", id="v5's heads in v3's library"),
    ],
)
def test_mistakes(folder, props, code, sentence):
    with pytest.raises(SdkFault, match="infer0: ") as caught:
        infer(folder, **props)
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_another_size_than_the_models(folder):
    with pytest.raises(SdkFault, match="the model takes 128 x 128") as caught:
        run(infer(folder, None), np.zeros((64, 64, 3), np.uint8))
    assert caught.value.code == 1004
