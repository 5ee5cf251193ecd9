"""Video out of buffers: whole streams, groups, single images; and what is no video."""

import cv2
import numpy as np
import pytest

from deploy.host.dvpp.annex_b import CODECS, beginning
from deploy.host.dvpp.vdec import VideoStream
from deploy.sdk_codes import SdkFault
from tests.deploy.host import h264

SETS = h264.parameter_sets(128, 128)
KEYS = [h264.key_image(*h264.flat(60 + 40 * i), number=i) for i in range(3)]
SAME = [h264.same_image(128, 128, number) for number in (1, 2)]
FIRST, SECOND, THIRD = 51, 97, 144  # video's luma 60, 100 and 140 as grey levels


def levels(*buffers, codec="H264"):
    """The grey level of each image that each buffer gives."""
    video = VideoStream(codec)
    return [[int(pixels[64, 64, 1]) for pixels in video.images(buffer)] for buffer in buffers]


@pytest.mark.parametrize(
    ("buffers", "expected"),
    [
        pytest.param(
            [SETS + KEYS[0] + SAME[0] + KEYS[1] + KEYS[2]], [[FIRST, FIRST, SECOND, THIRD]], id="a whole stream"
        ),
        pytest.param([SETS + KEYS[0] + SAME[0], SETS + KEYS[1]], [[FIRST] * 2, [SECOND]], id="groups"),
        pytest.param([SETS + KEYS[0], *SAME, KEYS[2]], [[FIRST], [FIRST], [FIRST], [THIRD]], id="single images"),
        pytest.param([SETS, KEYS[1], SAME[0]], [[], [SECOND], [SECOND]], id="parameter sets by themselves"),
    ],
)
def test_pieces(buffers, expected):
    assert levels(*buffers) == expected


def test_pixels():
    rng = np.random.default_rng(0)
    luma = np.kron(rng.integers(16, 236, (8, 8), np.uint8), np.ones((16, 16), np.uint8))
    (pixels,) = VideoStream("H264").images(SETS + h264.key_image(luma, *h264.flat(0)[1:]))
    grey = np.clip((luma.astype(float) - 16) * 255 / 219, 0, 255)
    assert np.abs(pixels[:, :, 1] - grey).max() <= 2


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        pytest.param(b"", 2009, "begins with nothing", id="empty"),
        pytest.param(b"#EXTM3U\nfile:///etc/passwd", 2009, "neither an H264", id="a playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd", 2009, "neither an H264", id="a script of FFmpeg's"),
        pytest.param(b"\xff\xd8\xff\xe0JFIF", 2009, "neither an H264", id="a JPEG"),
        pytest.param(SAME[0], 2009, "refers to others", id="begins in the middle"),
        pytest.param(b"\x00\x00\x01\x09\x10", 2009, "no image", id="no image"),
        pytest.param(b"\x00\x00\x01\x65" + b"\xff" * 200, 2009, "damaged", id="noise"),
        pytest.param(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 200, 2009, "damaged", id="an MP4 file without content"),
        pytest.param(
            h264.parameter_sets(96, 128) + h264.key_image(*h264.flat(60, 96, 128)), 1009, "96 px wide", id="narrow"
        ),
    ],
)
def test_refused(data, code, word):
    with pytest.raises(SdkFault, match=word) as raised:
        levels(data)
    assert raised.value.code == code


def test_another_codec_is_refused(tmp_path):
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (128, 128))
    if not writer.isOpened():
        pytest.skip("OpenCV has no encoder for MPEG-4")
    writer.write(np.zeros((128, 128, 3), np.uint8))
    writer.release()
    with pytest.raises(SdkFault, match="codec is"):
        levels(path.read_bytes())
    with pytest.raises(SdkFault, match="no image"):
        levels(SETS + KEYS[0], codec="H265")


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    images = VideoStream("H264").images(SETS + KEYS[0] + KEYS[1])
    next(images)
    images.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("codec", "units", "expected"),
    [
        pytest.param("H264", [0x67, 0x68, 0x65], (True, True, True), id="a key image behind its sets"),
        pytest.param("H264", [0x06, 0x41], (False, True, False), id="one that refers to others"),
        pytest.param("H265", [0x40, 0x42, 0x44, 0x26], (True, True, True), id="H.265, IDR"),
        pytest.param("H265", [0x02], (False, True, False), id="H.265, TRAIL_R"),
        pytest.param("H265", [0x4E], (False, False, False), id="H.265, SEI"),
    ],
)
def test_how_a_stretch_begins(codec, units, expected):
    data = b"".join(b"\x00\x00\x01" + bytes([unit, 1, 2, 3]) for unit in units)
    begins = beginning(data, CODECS[codec])
    assert (begins.parameters != b"", begins.image, begins.key) == expected
    if begins.image:
        assert begins.parameters == (data[:-7] if expected[0] else b"")
