"""The SDK's surface for metadata: SendProtobuf, GetProtobuf, SendData and GetResult with keys."""

import json
import threading
import time

import numpy as np
import pytest

from deploy.host.api import StreamManagerApi
from deploy.host.metadata.messages import from_message, parse, to_message
from deploy.host.metadata.values import Objects
from deploy.host.sdk import StreamManagerApi as sdk

pytest.importorskip("google.protobuf", reason="messages need protobuf")
NAME = b"detection"
ALL = [b"mxpi_imagedecoder0", b"mxpi_imageresize0", b"mxpi_tensorinfer0", b"mxpi_objectpostprocessor0"]


@pytest.fixture
def folder(tiny_bundle, monkeypatch):
    path = tiny_bundle()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def make(folder):
    """make(change) -> a manager that runs detect.pipeline after `change` has been at its elements."""
    managers = []

    def build(change=lambda elements: None):
        document = json.loads((folder / "detect.pipeline").read_text())
        change(document["detection"])
        manager = StreamManagerApi()
        assert manager.InitManager(sdk.StringVector()) == 0
        assert manager.CreateMultipleStreams(json.dumps(document).encode()) == 0, manager.LastError()
        managers.append(manager)
        return manager

    yield build
    for manager in managers:
        manager.DestroyAllStreams()


@pytest.fixture
def api(make):
    return make()


def keys(*names):
    vector = sdk.StringVector()
    for name in names:
        vector.push_back(name)
    return vector


def image(data):
    entry = sdk.MxDataInput()
    entry.data = data
    return entry


def sent(key, message, vector=None):
    entry = sdk.MxProtobufIn()
    entry.key, entry.type = key, f"MxTools.{message.DESCRIPTOR.name}".encode()
    entry.protobuf = message.SerializeToString()
    vector = sdk.InProtobufVector() if vector is None else vector
    vector.push_back(entry)
    return vector


def test_what_every_element_found_out(api, blob_jpeg):
    assert api.SendData(NAME, 0, image(blob_jpeg([(1, 2, 0)], 256, 192, cell=32))) == 0
    output = api.GetProtobuf(NAME, 0, keys(*ALL, b"nosuch0", b"ReservedFrameInfo"))
    assert output.size() == 5  # a key that is not there is left out
    assert [entry.messageName for entry in output] == [*ALL, b"ReservedFrameInfo"]
    assert [entry.errorCode for entry in output] == [0] * 5
    names = ["MxpiVisionList", "MxpiVisionList", "MxpiTensorPackageList", "MxpiObjectList", "MxpiFrameInfo"]
    decoded, resized, tensors, objects, info = (
        parse(f"MxTools.{name}", entry.messageBuf) for name, entry in zip(names, output)
    )
    size = decoded.visionVec[0].visionInfo
    assert (size.width, size.height, decoded.visionVec[0].headerVec) == (256, 192, [])
    assert resized.visionVec[0].visionInfo.keepAspectRatioScaling == 0.5
    assert resized.visionVec[0].headerVec[0].dataSource == "mxpi_imagedecoder0"
    assert [list(tensor.tensorShape) for tensor in tensors.tensorPackageVec[0].tensorVec] == [
        [1, 3, 16, 16, 8],
        [1, 3, 8, 8, 8],
        [1, 3, 4, 4, 8],
    ]
    (found,) = objects.objectVec
    assert (found.classVec[0].className, found.headerVec[0].dataSource) == ("red", "mxpi_tensorinfer0")
    assert (info.channelId, info.frameId, info.isEos) == (0, 0, False)


def test_result_with_keys(api, blob_jpeg):
    assert api.SendData(NAME, b"appsrc0", image(blob_jpeg([(1, 2, 0)]))) == 0
    output = api.GetResult(NAME, b"appsink0", keys(b"mxpi_objectpostprocessor0", b"nosuch0"))
    assert (output.errorCode, output.errorMsg, output.bufferOutput.errorCode) == (0, b"", 0)
    assert b'"className":"red"' in output.bufferOutput.data
    (entry,) = output.metadataVec
    assert (entry.errorCode, entry.dataType) == (0, b"MxpiObjectList")
    assert len(parse("MxTools.MxpiObjectList", entry.serializedMetadata).objectVec) == 1


def test_faults_of_results_with_keys(api, blob_jpeg):
    output = api.GetResult(NAME, b"appsink9", keys())
    assert (output.errorCode, output.errorMsg) == (6011, b"there is no appsink appsink9; the stream has appsink0")
    output = api.GetResult(NAME, b"appsink0", keys(), 20)
    assert (output.errorCode, output.errorMsg) == (1001, b"no result within 20 ms")
    api.SendData(NAME, 0, image(b"no image"))
    output = api.GetResult(NAME, "appsink0", ["mxpi_imagedecoder0"])
    assert output.errorCode == 2019
    assert output.errorMsg.startswith(b"mxpi_imagedecoder0: ")
    assert (output.bufferOutput.data, output.metadataVec.size()) == (b"", 0)
    assert api.GetResult(b"nosuch", b"appsink0", keys()).errorCode == 6002


def test_protobuf_of_an_image_that_failed(api, blob_jpeg):
    api.SendData(NAME, 0, image(b"no image"))
    assert api.GetProtobuf(NAME, 0, keys(*ALL)).size() == 0
    assert api.LastError().startswith("mxpi_imagedecoder0: ")
    assert api.GetProtobuf(NAME, 3, keys(*ALL)).size() == 0
    assert "no appsink 3" in api.LastError()


def test_protobuf_waits_for_what_is_under_way(api, blob_jpeg, monkeypatch):
    monkeypatch.setattr("deploy.host.api.DELAY_TIME", 10)
    assert api.GetProtobuf(NAME, 0, keys(*ALL)).size() == 0  # nothing is
    api.SendData(NAME, 0, image(blob_jpeg([], 4096, 4096)))
    assert api.GetProtobuf(NAME, 0, keys(*ALL)).size() == 3  # no objects
    for _ in range(2):
        api.SendData(NAME, 0, image(blob_jpeg([], 4096, 4096)))
    sizes = []
    waiter = threading.Thread(target=lambda: sizes.append(api.GetProtobuf(NAME, 0, keys(*ALL)).size()))
    waiter.start()
    api.DestroyAllStreams()
    waiter.join(60)  # it ends at once; a busy machine takes its time
    assert sizes in ([0], [3])


def test_the_other_way_has_no_metadata(api, blob_jpeg):
    unique_id = api.SendDataWithUniqueId(NAME, 0, image(blob_jpeg([])))
    assert api.GetProtobuf(NAME, 0, keys(*ALL)).size() == 0
    assert api.GetResult(NAME, b"appsink0", keys()).errorCode == 6008
    assert api.SendProtobuf(NAME, 0, sdk.InProtobufVector()) == 6008
    assert api.GetResultWithUniqueId(NAME, unique_id, 3000).errorCode == 0


def only_from_tensors(elements):
    for name in ("mxpi_imagedecoder0", "mxpi_imageresize0"):
        del elements[name]
    elements["appsrc0"]["next"] = "mxpi_tensorinfer0"
    elements["mxpi_tensorinfer0"]["props"]["dataSource"] = "appsrc0"


def test_an_image_that_was_taken_out_goes_in_elsewhere(make, api, blob_jpeg):
    """A resized image of one stream is sent as a message into another one, which begins with the model."""
    api.SendData(NAME, 0, image(blob_jpeg([(3, 4, 2)])))
    (resized,) = api.GetProtobuf(NAME, 0, keys(b"mxpi_imageresize0"))
    other = make(only_from_tensors)
    vector = sent(b"appsrc0", parse("MxTools.MxpiVisionList", resized.messageBuf))
    assert other.SendProtobuf(NAME, b"appsrc0", vector) == 0
    (found,) = json.loads(other.GetResult(NAME, 0).data)["MxpiObject"]
    assert (found["classVec"][0]["className"], round(found["x0"]), round(found["y0"])) == ("blue", 48, 64)


def test_metadata_with_a_buffer(make, api, blob_jpeg):
    entry, vector = sdk.MxMetadataInput(), sdk.MetadataInputVector()
    message = to_message(Objects(np.ones((1, 6), np.float32), ["x"], ""))
    entry.dataSource, entry.dataType = b"mine", b"MxTools.MxpiObjectList"
    entry.serializedMetadata = message.SerializeToString()
    vector.push_back(entry)
    buffer = sdk.MxBufferInput()
    buffer.data = blob_jpeg([(1, 1, 1)])
    buffer.mxpiFrameInfo = parse("MxTools.MxpiFrameInfo", b"\x08\x03\x10\x07").SerializeToString()
    assert api.SendData(NAME, b"appsrc0", vector, buffer) == 0
    output = api.GetResult(NAME, b"appsink0", keys(b"mine", b"ReservedFrameInfo"))
    assert b'"className":"green"' in output.bufferOutput.data
    mine, info = output.metadataVec
    assert from_message(parse("MxTools.MxpiObjectList", mine.serializedMetadata)).names == ["x"]
    frame_info = parse("MxTools.MxpiFrameInfo", info.serializedMetadata)
    assert (frame_info.channelId, frame_info.frameId) == (3, 7)


def test_a_buffer_with_a_vision_info_is_an_image(make, blob_image):
    def change(elements):
        only_from_tensors(elements)
        elements["mxpi_tensorinfer0"]["props"]["dataSource"] = "appsrc"

    api = make(change)
    buffer = sdk.MxBufferInput()
    buffer.data = blob_image([(3, 4, 2)]).tobytes()
    info = parse("MxTools.MxpiVisionInfo", b"")
    info.format, info.width, info.height = 13, 128, 128
    buffer.mxpiVisionInfo = info.SerializeToString()
    assert api.SendData(NAME, "appsrc0", sdk.MetadataInputVector(), buffer) == 0
    assert b'"className":"blue"' in api.GetResult(NAME, 0).data


def test_boxes_of_the_input(api, blob_jpeg):
    entry, box = image(blob_jpeg([])), sdk.RoiBox()
    box.x0, box.y0, box.x1, box.y1 = 1, 2, 30, 40
    entry.roiBoxs.push_back(box)
    entry.customParam, entry.fragmentId = b"x", 3
    assert api.SendData(NAME, 0, entry) == 0
    result = api._streams["detection"].result(0, 3)
    assert result.metadata["appInput"].detections.tolist() == [[1, 2, 30, 40, 0, 0]]


@pytest.mark.parametrize(
    ("key", "kind", "content", "code"),
    [
        pytest.param(b"x", b"MxTools.NoSuch", b"", 1001, id="an unknown type"),
        pytest.param(b"x", b"MxTools.MxpiVisionList", b"", 1001, id="no image"),
        pytest.param(b"x", b"MxTools.MxpiTensorPackageList", b"", 1001, id="no tensor"),
        pytest.param(b"", b"MxTools.MxpiObjectList", b"", 1004, id="no key"),
        pytest.param(b"ReservedVisionList", b"MxTools.MxpiObjectList", b"", 1004, id="a key of the SDK"),
    ],
)
def test_what_cannot_be_sent(api, key, kind, content, code):
    entry = sdk.MxProtobufIn()
    entry.key, entry.type, entry.protobuf = key, kind, content
    assert api.SendProtobuf(NAME, 0, sdk.InProtobufVector([entry])) == code
    assert api.SendProtobuf(NAME, 4, sdk.InProtobufVector()) == 6006


def test_several_streams_and_sinks(folder, blob_jpeg):
    """Two streams of one file; in the first, a tee: images for one appsink, texts for the other."""
    document = json.loads((folder / "detect.pipeline").read_text())
    document["second"] = json.loads(json.dumps(document["detection"]))
    first = document["detection"]
    first["mxpi_imagedecoder0"]["next"] = "tee0"
    first["tee0"] = {"factory": "tee", "next": ["queue0", "queue1"]}
    first["queue0"] = {"factory": "queue", "next": "mxpi_imageresize0"}
    first["queue1"] = {"factory": "queue", "props": {"max-size-buffers": "50"}, "next": "appsink1"}
    first["appsink1"] = {"factory": "appsink"}
    api = StreamManagerApi()
    api.InitManager()
    assert api.CreateMultipleStreams(json.dumps(document)) == 0, api.LastError()
    for name in ("detection", "second"):
        assert api.SendData(name, 0, image(blob_jpeg([(1, 2, 0)]))) == 0
        assert b"red" in api.GetResult(name, 0).data
    output = api.GetProtobuf("detection", 1, keys(*ALL))
    assert [entry.messageName for entry in output] == [b"mxpi_imagedecoder0"]
    assert api.StopStream("detection") == 0
    assert api.SendData("detection", 0, image(b"")) == 6002
    assert api.SendData("second", 0, image(blob_jpeg([(1, 2, 0)]))) == 0
    assert b"red" in api.GetResult("second", 0).data
    begin = time.monotonic()
    assert api.DestroyAllStreams() == 0
    assert time.monotonic() - begin < 1


def test_everything_the_sdk_exports_is_there():
    assert len(sdk.__all__) == 17
    assert all(hasattr(sdk, name) for name in sdk.__all__)
    vector = sdk.StringVector()
    vector.push_back(b"a")
    assert (vector.size(), len(vector), vector[0], vector.front(), vector.empty()) == (1, 1, b"a", b"a", False)
