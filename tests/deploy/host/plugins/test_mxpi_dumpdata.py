"""Dumps: which metadata are in them, where they go, and that mxpi_loaddata brings everything back."""

import json

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Header, Image, Images, Objects, TensorPackages, Tensors
from deploy.host.pipeline.description import Element
from deploy.host.plugins.mxpi_dumpdata import DumpData
from deploy.host.plugins.mxpi_loaddata import LoadData
from deploy.sdk_codes import SdkFault

pytest.importorskip("google.protobuf", reason="dumps hold messages")


def dumper(**props):
    return DumpData(
        Element("dump0", "mxpi_dumpdata", read_properties("dump0", "mxpi_dumpdata", props, DumpData.PROPERTIES))
    )


def a_frame():
    pixels = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    one = Image(pixels, 4, 2, 4, 2)
    metadata = {
        "dec0": Images([one]),
        "infer0": TensorPackages([Tensors([np.float32([[1, 2.5]])], one, (Header("dec0", 0),))]),
        "post0": Objects(np.float32([[1, 2, 3, 4, 1 / 3, 5], [0, 0, 1e7, 1e-7, 0.5, 0]]), ["狗<&", "b"], "infer0"),
    }
    return Frame(b"\xff\xd8jpeg", metadata, channel_id=2, frame_id=9)


def load(text):
    frame = Frame(text)
    LoadData(Element("load0", "mxpi_loaddata", {})).process(frame)
    return frame


def dumped(**props):
    frame = a_frame()
    dumper(**props).process(frame)
    assert frame.metadata == {}  # they are in the text now
    return frame.buffer


def keys(text):
    return [entry["key"] for entry in json.loads(text)["metaData"]]


def test_there_and_back():
    text = dumped()
    loaded, original = load(text), a_frame()
    assert (loaded.buffer, loaded.channel_id, loaded.frame_id) == (original.buffer, 2, 9)
    np.testing.assert_array_equal(loaded.images("dec0")[0].pixels, original.metadata["dec0"][0].pixels)
    np.testing.assert_array_equal(loaded.tensors("infer0")[0].outputs[0], np.float32([[1, 2.5]]))
    assert loaded.tensors("infer0")[0].headers == (Header("dec0", 0),)
    objects = loaded.objects("post0")
    np.testing.assert_array_equal(objects.detections, original.metadata["post0"].detections)
    assert objects.names == ["狗<&", "b"]


def test_what_the_text_looks_like():
    document = json.loads(dumped())
    assert list(document) == ["buffer", "metaData"]
    assert document["buffer"] == {"bufferData": "/9hqcGVn"}
    entries = {entry["key"]: entry for entry in document["metaData"]}
    assert keys(dumped()) == ["ReservedFrameInfo", "ReservedVisionList", "appsrc", "dec0", "infer0", "post0"]
    assert entries["ReservedVisionList"] == {"key": "ReservedVisionList", "content": "dec0", "protoDataType": ""}
    assert entries["ReservedFrameInfo"]["content"] == '{"channelId":2,"frameId":9,"isEos":false}'
    assert entries["post0"]["protoDataType"] == "MxpiObjectList"
    assert '"confidence":0.333333343' in entries["post0"]["content"]
    assert '"x1":1e+07' in entries["post0"]["content"]  # as protobuf writes it; results go through a second library


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        pytest.param({"requiredMetaDataKeys": "post0, dec0"}, ["dec0", "post0"], id="only these"),
        pytest.param(
            {"filterMetaDataKeys": "dec0,infer0,appsrc"},
            ["ReservedFrameInfo", "ReservedVisionList", "post0"],
            id="not these",
        ),
        pytest.param({"requiredMetaDataKeys": "post0", "filterMetaDataKeys": "post0"}, ["post0"], id="required wins"),
    ],
)
def test_keys(props, expected):
    assert keys(dumped(**props)) == expected


def test_without_memory():
    document = json.loads(dumped(dumpMemoryData="false"))
    entries = {entry["key"]: entry for entry in document["metaData"]}
    assert {entry["protoDataType"] for entry in entries.values()} == {""}
    assert json.loads(entries["dec0"]["content"])["visionVec"][0]["visionData"]["dataStr"] == ""
    assert json.loads(entries["infer0"]["content"])["tensorPackageVec"][0]["tensorVec"][0]["dataStr"] == ""


def test_files_are_numbered(tmp_path):
    plugin = dumper(location=str(tmp_path / "new/dump.json"))
    for number in range(3):
        frame = a_frame()
        frame.frame_id = number
        plugin.process(frame)
        assert frame.buffer == b"\xff\xd8jpeg" and "post0" in frame.metadata  # it passes on
    files = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert files == ["dump.json", "dump.json1", "dump.json2"]
    assert [load((tmp_path / "new" / name).read_bytes()).frame_id for name in files] == [0, 1, 2]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SdkFault, match="location") as raised:
        dumper(location=str(tmp_path / "file/dump.json"))
    assert raised.value.code == 1001


def entry(content, kind="MxpiObjectList"):
    return json.dumps({"buffer": {}, "metaData": [{"key": "k", "content": content, "protoDataType": kind}]}).encode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(b"", 1004, id="nothing"),
        pytest.param(b"\xff\xd8", 1004, id="an image"),
        pytest.param(b"[1]", 1004, id="no object"),
        pytest.param(b'{"buffer":{"bufferData":"?"}}', 1004, id="no base64"),
        pytest.param(b'{"metaData":[1]}', 1004, id="entries that are none"),
        pytest.param(b"[" * 100_000, 1004, id="nested without end"),
        pytest.param(entry("{"), 1001, id="a content that is no JSON"),
        pytest.param(entry('{"nosuch":1}'), 1001, id="a field that does not exist"),
        pytest.param(entry('{"objectVec":[{"x0":"a"}]}'), 1001, id="a value of another type"),
    ],
)
def test_texts_that_cannot_be_loaded(text, code):
    with pytest.raises(SdkFault, match="load0: ") as raised:
        load(text)
    assert raised.value.code == code


@pytest.mark.parametrize("kind", ["", "NoSuchType", "DESCRIPTOR"])
def test_entries_that_say_nothing_here_are_skipped(kind):
    assert load(entry("{}", kind)).metadata == {}
