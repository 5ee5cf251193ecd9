"""Which keys are serialised, and what stands for nothing."""

import json
import logging

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Objects
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, OBJECTS, Plugin
from deploy.host.plugins.mxpi_dataserialize import DataSerialize
from deploy.sdk_codes import SdkFault


class Other(Plugin):
    def __init__(self, name, produces):
        super().__init__(Element(name, "", {}))
        self.produces = produces


def serialise_frame(frame, keys, **props):
    props = {"outputDataKeys": keys, **props}
    values = read_properties("s.text0", "mxpi_dataserialize", props, DataSerialize.PROPERTIES)
    plugin = DataSerialize(Element("text0", "mxpi_dataserialize", values))
    plugin.connect([Other("resize0", IMAGE), Other("post0", OBJECTS)], [])
    plugin.process(frame)


def serialise(keys, found=True, **props):
    frame = Frame(b"jpeg")
    if found:
        frame.metadata["post0"] = Objects(np.array([[1, 2, 3, 4, 0.5, 0]], np.float32), ["cat"], "infer0")
    serialise_frame(frame, keys, **props)
    return frame.buffer.decode()


@pytest.mark.parametrize(
    ("keys", "found", "objects"),
    [
        pytest.param("post0", True, 1, id="one key"),
        pytest.param("post0,", True, 1, id="a trailing comma is no key"),
        pytest.param("nosuch0,,post0", True, 1, id="an unknown key is dropped"),
        pytest.param("post0", False, "", id="nothing found, one key: an empty text"),
        pytest.param("post0,nosuch0", False, "{}", id="nothing found, several keys"),
        pytest.param("nosuch0", True, "", id="only an unknown key"),
        pytest.param("a, post0", True, "{}", id="the blank belongs to the name"),
    ],
)
def test_keys(keys, found, objects):
    text = serialise(keys, found)
    if isinstance(objects, int):
        assert len(json.loads(text)["MxpiObject"]) == objects
    else:
        assert text == objects


def test_header_flag():
    assert '"headerVec":[{"dataSource":"infer0"' in serialise("post0", eraseHeaderVecFlag="0")


def test_an_unknown_key_is_logged(caplog):
    with caplog.at_level(logging.WARNING):
        serialise("psot0")
    assert 'no element before it is "psot0"; did you mean "post0"?' in caplog.text


def test_everything():
    pytest.importorskip("google.protobuf", reason="the graph is made of messages")
    text = json.loads(serialise(""))
    assert text["MxpiFrameInfo"] == [{"channelId": 0, "frameId": 0, "isEos": False}]
    assert text["MxpiVision"][0]["visionInfo"]["width"] == 0  # the buffer that was sent
    assert len(text["MxpiObject"]) == 1
    assert json.loads(serialise("ReservedFrameInfo")) == {"MxpiFrameInfo": text["MxpiFrameInfo"]}


def test_a_fault_becomes_the_text():
    frame = Frame(b"jpeg")
    frame.fail(SdkFault(2006, "dec0: no image"))
    serialise_frame(frame, "post0")
    assert frame.buffer == b"dec0: no image"
    assert frame.fault.code == 2006
