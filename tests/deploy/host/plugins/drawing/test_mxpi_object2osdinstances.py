"""What is drawn for objects: by the SDK's source, property by property."""

from operator import attrgetter

import cv2
import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import OBJECTS, Plugin
from deploy.host.plugins.drawing.mxpi_object2osdinstances import Object2OsdInstances
from deploy.sdk_codes import SdkFault

pytest.importorskip("google.protobuf", reason="what is drawn is a message")


def made(detections, names, **props):
    values = read_properties("s.osd0", "mxpi_object2osdinstances", props, Object2OsdInstances.PROPERTIES)
    plugin = Object2OsdInstances(Element("osd0", "mxpi_object2osdinstances", values))
    source = Plugin(Element("post0", "", {}))
    source.produces = OBJECTS
    plugin.connect([source], [])
    frame = Frame(b"", {} if detections is None else {"post0": Objects(np.float32(detections), names, "infer0")})
    plugin.process(frame)
    return frame.metadata.get("osd0")


DOG = [[10.9, 40.2, 60.7, 90.5, 0.876, 2]]


def test_a_box_and_its_text():
    (instances,) = made(DOG, ["dog"]).osdInstancesVec
    assert [(header.dataSource, header.memberId) for header in instances.headerVec] == [("post0", 0)]
    box, behind = instances.osdRectVec
    assert (box.x0, box.y0, box.x1, box.y1) == (10, 40, 60, 90)
    assert (box.osdParams.thickness, box.osdParams.lineType, box.fixedArea) == (2, 8, False)
    # the SDK's own table of colours: the class times a number, modulo 256
    assert (box.osdParams.scalorB, box.osdParams.scalorG, box.osdParams.scalorR) == (118, 42, 190)
    (text,) = instances.osdTextVec
    assert (text.text, text.x0, text.y0) == ("dog 87%", 10, 40 - 1 - 1)  # the percentage is cut off, not rounded
    assert (text.osdParams.scalorR, text.osdParams.thickness, text.osdParams.lineType) == (0, 1, 8)
    assert text.fixedArea and not text.bottomLeftOrigin
    (width, height), _ = cv2.getTextSize("dog 87%", 0, 1.0, 1)
    assert (behind.x0, behind.y0, behind.x1) == (10, 40, int(10.9 + width))
    assert behind.y1 == int(40.2 - height * 1.3)
    assert behind.osdParams.thickness == -1 and behind.osdParams.scalorG == 42


@pytest.mark.parametrize(
    ("props", "kind", "index", "expected"),
    [
        pytest.param({"rectThickness": "5"}, "Rect", 0, {"osdParams.thickness": 5}, id="rectThickness"),
        pytest.param({"rectLineType": "16"}, "Rect", 1, {"osdParams.lineType": 16}, id="rectLineType"),
        pytest.param({"fontFace": "16"}, "Text", 0, {"fontFace": 16}, id="fontFace"),
        pytest.param({"fontScale": "2.5"}, "Text", 0, {"fontScale": 2.5, "y0": 37}, id="fontScale"),
        pytest.param({"fontThickness": "4"}, "Text", 0, {"osdParams.thickness": 4, "y0": 35}, id="fontThickness"),
        pytest.param({"fontLineType": "4"}, "Text", 0, {"osdParams.lineType": 4}, id="fontLineType"),
        pytest.param({"colorMap": "1,2,3|4,5,6|7,8,9|0,0,0"}, "Rect", 0, {"osdParams.scalorR": 7}, id="colorMap"),
        pytest.param({"colorMap": "1,2,3|40,5,6"}, "Rect", 1, {"osdParams.scalorR": 40}, id="the last colour"),
        pytest.param({"colorMap": "auto"}, "Rect", 0, {"osdParams.scalorB": 118}, id="auto"),
    ],
)
def test_properties(props, kind, index, expected):
    (instances,) = made(DOG, ["dog"], **props).osdInstancesVec
    entry = getattr(instances, f"osd{kind}Vec")[index]
    assert {key: attrgetter(key)(entry) for key in expected} == expected


def test_no_text():
    (instances,) = made(DOG, ["dog"], createText="0").osdInstancesVec
    assert (len(instances.osdTextVec), len(instances.osdRectVec)) == (0, 1)


def test_all_objects_of_a_buffer_share_one_entry():
    (instances,) = made(DOG * 3, ["a", "b", "c"]).osdInstancesVec
    assert [text.text[0] for text in instances.osdTextVec] == ["a", "b", "c"]
    assert [header.memberId for header in instances.headerVec] == [0, 1, 2]


def test_no_objects():
    assert made(None, []) is None
    (instances,) = made(np.empty((0, 6)), []).osdInstancesVec
    assert not instances.osdRectVec


def test_numbers_that_no_int32_holds():
    (instances,) = made([[np.nan, -np.inf, np.inf, 1e20, np.nan, 0]], ["x"]).osdInstancesVec
    box = instances.osdRectVec[0]
    assert (box.x0, box.y0, box.x1, box.y1) == (0, -(2**31) + 1, 2**31 - 1, 2**31 - 1)


def test_without_objects_before_it():
    values = read_properties("s.osd0", "mxpi_object2osdinstances", {}, Object2OsdInstances.PROPERTIES)
    with pytest.raises(SdkFault, match="it needs objects"):
        Object2OsdInstances(Element("osd0", "mxpi_object2osdinstances", values)).connect([], [])
