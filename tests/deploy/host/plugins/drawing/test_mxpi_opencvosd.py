"""Drawing inside a stream: a JPEG goes in, a JPEG with boxes comes out; and drawings that a script sends."""

import cv2
import numpy as np
import pytest

from deploy.host.api import StreamManagerApi
from deploy.host.exchange.structs import InProtobufVector, MxProtobufIn
from tests.deploy.host.wiring import NAME, fetch, refused, running, send

osd = pytest.importorskip("deploy.host.proto.MxpiOSDType_pb2", reason="what is drawn comes as messages")

DETECT = "appsrc0 mxpi_imagedecoder0 tee0"
LOOK = "tee0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_objectpostprocessor0 mxpi_object2osdinstances0 mxpi_opencvosd0:1"
SHOW = "tee0 queue0 mxpi_opencvosd0:0 mxpi_imageencoder0 appsink0"
SENT = ("appsrc0 mxpi_imagedecoder0 mxpi_opencvosd0:0 mxpi_imageencoder0 appsink0", "appsrc1 mxpi_opencvosd0:1")


@pytest.fixture
def folder(tiny_bundle, monkeypatch):
    path = tiny_bundle()
    monkeypatch.chdir(path)
    return path


def model(**drawing):
    return {
        "mxpi_imageresize0": {"resizeType": "Resizer_KeepAspectRatio_Fit"},
        "mxpi_tensorinfer0": {"modelPath": "model.om"},
        "mxpi_objectpostprocessor0": {
            "postProcessConfigPath": "detect.cfg",
            "labelPath": "labels.names",
            "postProcessLibPath": "libyolov3postprocess.so",
        },
        "mxpi_object2osdinstances0": {"colorMap": "255,255,255|255,255,0", "rectThickness": "2", **drawing},
    }


def pixels_of(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)


@pytest.mark.parametrize("numerics", ["float", "board"])
def test_boxes_in_a_jpeg(folder, blob_jpeg, numerics):
    """A red and a blue square at known places: white and yellow boxes lie on their edges, the rest stays as it was."""
    original = blob_jpeg([(2, 5, 0), (6, 3, 2)], 256, 256, cell=32)
    with running(DETECT, LOOK, SHOW, numerics=numerics, **model(createText="0")) as manager:
        send(manager, original)
        code, data = fetch(manager)
    assert code == 0, data
    drawn, before = pixels_of(data), pixels_of(original)
    assert drawn.shape == before.shape
    for column, row in ((64, 176), (96, 176), (80, 160), (80, 192)):
        assert drawn[row - 1 : row + 2, column - 1 : column + 2].min(axis=-1).max() > 150, "no white edge"
    for column, row in ((192, 112), (224, 112), (208, 96)):
        around = drawn[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 3)
        assert (around[:, 2] - around[:, 0]).max() > 80, "no yellow edge"
    inside, outside = (slice(170, 182), slice(74, 86)), (slice(0, 60), slice(0, 250))
    for area in (inside, outside):
        assert np.abs(drawn[area] - before[area]).max() < 20


def test_texts_are_written(folder, blob_jpeg):
    original = blob_jpeg([(3, 6, 1)], 256, 256, cell=32)
    with running(DETECT, LOOK, SHOW, **model()) as manager:
        send(manager, original)
        drawn = pixels_of(fetch(manager)[1])
    label = drawn[170:190, 100:200]  # above the box: dark letters on yellow
    assert (label[:, :, 2] > 180).sum() > 500
    assert (label.max(axis=-1) < 80).sum() > 50


def test_an_image_without_objects_passes(folder, blob_jpeg):
    original = blob_jpeg([], 256, 256)
    with running(DETECT, LOOK, SHOW, **model()) as manager:
        send(manager, original)
        assert np.abs(pixels_of(fetch(manager)[1]) - pixels_of(original)).max() < 4


def test_the_undrawn_image_stays(folder, blob_jpeg):
    """Another branch sees the decoder's pixels, not the drawn ones."""
    original = blob_jpeg([(2, 5, 0)], 256, 256, cell=32)
    with running(DETECT, LOOK, SHOW, "tee0 mxpi_imageencoder1 appsink1", **model()) as manager:
        send(manager, original)
        undrawn, drawn = (np.abs(pixels_of(fetch(manager, sink)[1]) - pixels_of(original)) for sink in (1, 0))
    assert undrawn.mean() < 1 and undrawn[176, 60:70].max() < 40
    assert drawn[176, 60:70].max() > 100


def sent(manager, *entries):
    message = osd.MxpiOsdInstancesList(osdInstancesVec=list(entries))
    vector = InProtobufVector()
    vector.push_back(MxProtobufIn())
    vector[0].key, vector[0].type = b"appsrc1", b"MxTools.MxpiOsdInstancesList"
    vector[0].protobuf = message.SerializeToString()
    assert manager.SendProtobuf(NAME, 1, vector) == 0, manager.LastError()


def line(row, **params):
    params = {"scalorG": 255, "thickness": 3, "lineType": 8, **params}
    return osd.MxpiOsdInstances(osdLineVec=[{"x0": 0, "y0": row, "x1": 255, "y1": row, "osdParams": params}])


def test_drawings_that_a_script_sends(blob_jpeg):
    with running(*SENT) as manager:
        send(manager, blob_jpeg([], 256, 256))
        sent(manager, line(100))
        drawn = pixels_of(fetch(manager)[1])
    assert drawn[100, :, 1].min() > 200
    assert drawn[120].max() < 40


@pytest.mark.parametrize(
    ("entries", "code", "word"),
    [
        pytest.param([line(9, scalorB=999)], 1004, b"mxpi_opencvosd0: a colour is B 999", id="a colour"),
        pytest.param([line(9), line(9)], 1004, b"2 entries for 1 image", id="more entries than images"),
        pytest.param([], 0, b"", id="fewer entries"),
    ],
)
def test_what_cannot_be_drawn(blob_jpeg, entries, code, word):
    with running(*SENT) as manager:
        send(manager, blob_jpeg([], 256, 256))
        sent(manager, *entries)
        assert (found := fetch(manager))[0] == code
        assert word in found[1]


def test_images_of_the_opencv_way(blob_jpeg):
    with running(*SENT, mxpi_imagedecoder0={"cvProcessor": "opencv"}) as manager:
        send(manager, blob_jpeg([], 256, 256))
        sent(manager, line(9))
        assert fetch(manager)[0] == 11002


@pytest.mark.parametrize(
    ("chains", "code", "word"),
    [
        pytest.param(["mxpi_opencvosd0 appsink0"], 6016, "2 inputs; one element", id="one input"),
        pytest.param(
            ["tee0 mxpi_opencvosd0 appsink0", "tee0 queue0 mxpi_opencvosd0:1", "tee0 queue1 mxpi_opencvosd0:2"],
            1004,
            "3 element(s) lead to it",
            id="three inputs",
        ),
        pytest.param(
            ["tee0 mxpi_opencvosd0 appsink0", "tee0 mxpi_opencvosd0:1"],
            6006,
            "needs what is to be drawn from an element before it; mxpi_imagedecoder0 hands on an image",
            id="nothing to draw",
        ),
    ],
)
def test_wiring(chains, code, word):
    found, sentence = refused(f"appsrc0 mxpi_imagedecoder0 {chains[0]}", *chains[1:])
    assert found == code and word in sentence


def test_drawings_as_metadata(folder, blob_jpeg):
    """A script reads what would be drawn."""
    chain = LOOK.replace("tee0", DETECT.removesuffix(" tee0")).replace("mxpi_opencvosd0:1", "appsink0")
    with running(chain, **model()) as manager:
        assert isinstance(manager, StreamManagerApi)
        send(manager, blob_jpeg([(2, 5, 0)], 256, 256, cell=32))
        (found,) = manager.GetProtobuf(NAME, 0, [b"mxpi_object2osdinstances0"])
    (instances,) = osd.MxpiOsdInstancesList.FromString(found.messageBuf).osdInstancesVec
    assert instances.osdTextVec[0].text.startswith("red ")
