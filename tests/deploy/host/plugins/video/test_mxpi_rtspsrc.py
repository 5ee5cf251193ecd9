"""mxpi_rtspsrc: a stream that pulls its video by itself, from a file or an RTSP server."""

import time
from pathlib import Path

import pytest

from deploy.host.exchange.structs import MxDataInput
from deploy.video import frames as frames_module
from tests.deploy.host import h264
from tests.deploy.host.wiring import NAME, refused, running
from tests.deploy.video.rtsp_server import RtspServer

types = pytest.importorskip("deploy.host.proto.MxpiDataType_pb2", reason="what is known of an image is a message")

CHAIN = "mxpi_rtspsrc0 mxpi_videodecoder0 appsink0"
LUMAS = (60, 100, 140, 180)
SETS = h264.parameter_sets(160, 128)
IMAGES = [h264.key_image(*h264.flat(luma, 160, 128), number=i) for i, luma in enumerate(LUMAS)]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve images, as two files of a byte stream would have them."""
    (tmp_path / "a.h264").write_bytes(SETS + b"".join(IMAGES * 3))
    return tmp_path / "a.h264"


def fetched(manager, seconds=20.0):
    """(luma in tens, frameId, channelId, isEos) of all images, until the source has ended."""
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        over = manager.PulledVideo(NAME).over
        result = manager.GetResult(NAME, b"appsink0", [b"mxpi_videodecoder0", b"ReservedFrameInfo"], 200)
        if result.errorCode != 0:
            if over:
                return found
            continue
        images, info = (entry.serializedMetadata for entry in result.metadataVec)
        (vision,) = types.MxpiVisionList.FromString(images).visionVec
        frame = types.MxpiFrameInfo.FromString(info)
        found.append((round(vision.visionData.dataStr[5000], -1), frame.frameId, frame.channelId, frame.isEos))
    pytest.fail("the source does not end")


def test_a_file_comes_whole_and_in_order(video: Path):
    with running(CHAIN, numerics="board", mxpi_rtspsrc0={"rtspUrl": str(video), "channelId": "3"}) as manager:
        seen = fetched(manager)
        assert seen == [(LUMAS[i % 4], i, 3, i == 11) for i in range(12)]
        assert manager.PulledVideo(NAME)[1:] == ("", 0, 0)


def test_skipping(video: Path):
    props = {"mxpi_rtspsrc0": {"rtspUrl": str(video)}, "mxpi_videodecoder0": {"skipFrame": "3"}}
    with running(CHAIN, numerics="board", **props) as manager:
        assert [entry[1] for entry in fetched(manager)] == [0, 4, 8]


def test_an_rtsp_stream_that_breaks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(frames_module, "PAUSES", (0.05, 0.1))
    server = RtspServer(SETS, IMAGES, [12, 8])
    try:
        with running(CHAIN, numerics="board", mxpi_rtspsrc0={"rtspUrl": server.url}) as manager:
            seen = fetched(manager)
            pulled = manager.PulledVideo(NAME)
    finally:
        server.close()
    assert pulled.reconnected == 1 and len(seen) + pulled.dropped == 20
    assert [entry[1] for entry in seen] == sorted({entry[1] for entry in seen})


def test_nobody_there(monkeypatch: pytest.MonkeyPatch):
    with running(CHAIN, mxpi_rtspsrc0={"rtspUrl": "rtsp://127.0.0.1:9/live"}) as manager:
        assert fetched(manager) == []
        assert "rtsp://127.0.0.1:9/live cannot be opened" in manager.PulledVideo(NAME).why


def test_a_stop_ends_it(video: Path):
    """Also where nobody fetches a result."""
    with running(CHAIN, mxpi_rtspsrc0={"rtspUrl": str(video)}) as manager:
        start = time.monotonic()
        assert manager.DestroyAllStreams() == 0
        assert time.monotonic() - start < 5


def test_nothing_can_be_sent_to_it(video: Path):
    with running(CHAIN, mxpi_rtspsrc0={"rtspUrl": str(video)}) as manager:
        assert manager.SendData(NAME, 0, MxDataInput()) != 0
        assert manager.SendData(NAME, b"mxpi_rtspsrc0", MxDataInput()) != 0


@pytest.mark.parametrize(
    ("chain", "url", "code", "words"),
    [
        pytest.param(CHAIN, "none.mp4", 1019, "none.mp4 cannot be read", id="no file"),
        pytest.param(CHAIN, "list.mp4", 1019, "is no video", id="a list that FFmpeg would follow"),
        pytest.param(CHAIN, "camera:0", 1019, "expected rtsp://", id="a camera"),
        pytest.param(CHAIN, "http://x/y", 1019, "expected rtsp://", id="another protocol"),
        pytest.param("mxpi_rtspsrc0 appsink0", "rtsp://x/y", 1005, "before mxpi_videodecoder only", id="bytes alone"),
    ],
)
def test_refused_at_creation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chain: str, url: str, code: int, words: str
):
    monkeypatch.chdir(tmp_path)
    Path("list.mp4").write_bytes(b"#EXTM3U\nfile:///etc/passwd\n")
    found, sentence = refused(chain, mxpi_rtspsrc0={"rtspUrl": url})
    assert found == code and words in sentence
