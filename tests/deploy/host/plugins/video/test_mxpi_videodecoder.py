"""A video in a stream: its images in order, with ids, some skipped, and boxes drawn into each."""

import cv2
import numpy as np
import pytest

from deploy.host.exchange.structs import MetadataInputVector, MxBufferInput
from tests.deploy.host import h264
from tests.deploy.host.wiring import NAME, fetch, refused, running, send

types = pytest.importorskip("deploy.host.proto.MxpiDataType_pb2", reason="what is known of an image is a message")

CHAIN = "appsrc0 mxpi_videodecoder0 appsink0"
SETS = h264.parameter_sets(160, 128)


def video(*lumas):
    keys = [h264.key_image(*h264.flat(luma, 160, 128), number=i) for i, luma in enumerate(lumas)]
    return SETS + b"".join(keys)


def seen(manager):
    """The next image: (its luma in tens, frameId, channelId, isEos)."""
    keys = [b"mxpi_videodecoder0", b"ReservedFrameInfo"]
    result = manager.GetResult(NAME, b"appsink0", keys, 5000)
    assert result.errorCode == 0, result.errorMsg
    images, info = (entry.serializedMetadata for entry in result.metadataVec)
    (vision,) = types.MxpiVisionList.FromString(images).visionVec
    frame = types.MxpiFrameInfo.FromString(info)
    assert (vision.visionInfo.width, vision.visionInfo.height) == (160, 128)
    return round(vision.visionData.dataStr[5000], -1), frame.frameId, frame.channelId, frame.isEos


def send_image(manager, data, **info):
    entry = MxBufferInput()
    entry.data = data
    entry.mxpiFrameInfo = types.MxpiFrameInfo(**info).SerializeToString()
    entry.mxpiVisionInfo = types.MxpiVisionInfo(width=160, height=128).SerializeToString()
    assert manager.SendData(NAME, b"appsrc0", MetadataInputVector(), entry) == 0, manager.LastError()


def test_a_file_becomes_its_images():
    with running(CHAIN, numerics="board") as manager:
        send(manager, video(60, 100, 140))
        assert [seen(manager) for _ in range(3)] == [(luma, i, 0, False) for i, luma in enumerate((60, 100, 140))]
        assert fetch(manager, timeout=50)[0] == 6010  # the end


def test_images_one_by_one_as_a_board_wants_them():
    pieces = [video(60), h264.same_image(160, 128, 1), video(140)]
    with running(CHAIN, numerics="board") as manager:
        for index, piece in enumerate(pieces):
            send_image(manager, piece, frameId=10 + index, channelId=2, isEos=index == 2)
        assert [seen(manager) for _ in pieces] == [(60, 10, 2, False), (60, 11, 2, False), (140, 12, 2, True)]


def test_the_end_goes_with_the_last_image():
    with running(CHAIN, numerics="board") as manager:
        send_image(manager, video(60, 100), isEos=True)
        assert [seen(manager)[3] for _ in range(2)] == [False, True]


@pytest.mark.parametrize(("skip", "ids"), [("0", [0, 1, 2, 3, 4]), ("1", [0, 2, 4]), ("3", [0, 4])])
def test_skipping(skip, ids):
    with running(CHAIN, numerics="board", mxpi_videodecoder0={"skipFrame": skip}) as manager:
        send(manager, video(60, 80, 100, 120, 140))
        assert [seen(manager)[1] for _ in ids] == ids
        assert fetch(manager, timeout=50)[0] == 6010


def test_float_numerics_have_the_colours_that_are_shown():
    with running(CHAIN) as manager:
        send(manager, video(235))
        assert seen(manager)[0] == 260  # white, 255


def test_a_fault_ends_the_buffer_only():
    with running(CHAIN, numerics="board") as manager:
        send(manager, b"no video")
        send(manager, video(100))
        code, text = fetch(manager)
        assert code == 2009 and text.startswith(b"mxpi_videodecoder0: ")
        assert seen(manager)[0] == 100


def test_an_unknown_codec_is_told_with_the_first_buffer():
    with running(CHAIN, numerics="board", mxpi_videodecoder0={"inputVideoFormat": "VP9"}) as manager:
        send(manager, video(100))
        code, text = fetch(manager)
        assert code == 2009 and b'inputVideoFormat is "VP9"; video is H264 or H265' in text


@pytest.mark.parametrize(
    ("props", "code", "word"),
    [
        pytest.param({"vdecChannelId": "32"}, 2022, "has 0 to 31", id="channel"),
        pytest.param({"outputImageFormat": "YUV420SP_NV21"}, 1005, "NV21", id="NV21"),
        pytest.param({"outputImageFormat": "RGB_888"}, 1005, "RGB_888", id="a format that the SDK has, too"),
        pytest.param({"outputImageFormat": "NV12"}, 6003, "none of YUV420SP_NV12", id="a format that it has not"),
        pytest.param({"skipFrame": "101"}, 6015, "0 to 100", id="skipFrame"),
    ],
)
def test_refused_at_creation(props, code, word):
    found, sentence = refused(CHAIN, mxpi_videodecoder0=props)
    assert found == code and word in sentence


def test_it_stands_behind_appsrc():
    assert refused("appsrc0 mxpi_imagedecoder0 mxpi_videodecoder0 appsink0")[0] == 1005


def test_every_image_is_searched_and_drawn(tiny_bundle, monkeypatch):
    """Video in, images with boxes out: a white box moves with a red square."""
    monkeypatch.chdir(tiny_bundle())
    pieces = []
    for index, column in enumerate((1, 5)):
        luma, blue, red = h264.flat(31)
        area = slice(32, 48), slice(16 * column, 16 * column + 16)
        luma[area], blue[16:24, 8 * column : 8 * column + 8], red[16:24, 8 * column : 8 * column + 8] = 81, 90, 240
        pieces.append(h264.key_image(luma, blue, red, number=index))
    chains = (
        "appsrc0 mxpi_videodecoder0 tee0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_objectpostprocessor0 "
        "mxpi_object2osdinstances0 mxpi_opencvosd0:1",
        "tee0 queue0 mxpi_opencvosd0:0 mxpi_imageencoder0 appsink0",
    )
    props = {
        "mxpi_tensorinfer0": {"modelPath": "model.om"},
        "mxpi_objectpostprocessor0": {
            "postProcessConfigPath": "detect.cfg",
            "labelPath": "labels.names",
            "postProcessLibPath": "libyolov3postprocess.so",
        },
        "mxpi_object2osdinstances0": {"colorMap": "255,255,255", "createText": "0", "rectThickness": "2"},
    }
    with running(*chains, **props) as manager:
        send(manager, h264.parameter_sets(128, 128) + b"".join(pieces))
        for column in (1, 5):
            code, data = fetch(manager)
            assert code == 0, data
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            white = np.argwhere(pixels.min(axis=-1) > 150)
            assert np.abs(white.min(axis=0) - (32, 16 * column)).max() <= 2
            assert np.abs(white.max(axis=0) - (48, 16 * column + 16)).max() <= 2
