"""What a video source is by how it is written, and what is not opened."""

from pathlib import Path

import pytest

from deploy.errors import DataError
from deploy.video.source import CAMERA, RTSP, VideoSource, video_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("camera:2", VideoSource(CAMERA, "2"), id="a camera by number"),
        pytest.param("/dev/video0", VideoSource(CAMERA, "0"), id="a camera by its device"),
        pytest.param("rtsp://u:p@h/1", VideoSource(RTSP, "rtsp://u:p@h/1"), id="a stream"),
        pytest.param("0", None, id="a number alone may be a folder"),
        pytest.param("images", None, id="a folder"),
        pytest.param("a.jpg", None, id="an image"),
    ],
)
def test_sources_are_told_apart(text: str, expected: VideoSource | None) -> None:
    assert video_source(text) == expected
    assert video_source("0", numbers=True) == VideoSource(CAMERA, "0")


def test_passwords_are_not_shown() -> None:
    assert str(VideoSource(RTSP, "rtsp://user:secret@10.0.0.1/live")) == "rtsp://***@10.0.0.1/live"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#EXTM3U\nfile:///etc/passwd\n", id="a playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="a list of files"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_ffmpeg_would_follow_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(DataError, match="is no video: it begins with"):
        video_source(str(tmp_path / "a.mp4"))
