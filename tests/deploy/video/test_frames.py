"""Frames of files, cameras and streams: which come out, what is dropped, what happens when a source breaks or ends."""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.video import frames as frames_module
from deploy.video.frames import LiveFrames, open_frames
from deploy.video.source import CAMERA, FILE, RTSP, VideoSource, video_source
from tests.deploy.host import h264
from tests.deploy.video.rtsp_server import RtspServer


def test_a_slow_reader_gets_the_newest_frames(camera: Any) -> None:
    camera.scripts, camera.pause = [[np.full((40, 40, 3), n, np.uint8) for n in range(50)]], 0.002
    frames = LiveFrames(VideoSource(CAMERA, "0"))
    seen = []
    while (frame := frames.next(wait=True)) is not None:
        seen.append(frame.number)
        assert time.perf_counter() - frame.captured < 0.2
        time.sleep(0.02)
    frames.close()
    assert seen[-1] == 49 and len(seen) + frames.dropped == 50 and frames.dropped > 20


def test_a_stream_that_breaks_twice_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server on the loopback address, read by FFmpeg: counts add up, and it ends when the server has gone."""
    monkeypatch.setattr(frames_module, "PAUSES", (0.05, 0.1, 0.2))
    images = [h264.key_image(*h264.flat(luma, 160, 128), number=i) for i, luma in enumerate((60, 100, 140, 180))]
    server = RtspServer(h264.parameter_sets(160, 128), images, [20, 15, 10])
    try:
        with open_frames(VideoSource(RTSP, server.url)) as frames:
            seen = list(iter(lambda: frames.next(wait=True), None))
    finally:
        server.close()
    numbers = [frame.number for frame in seen]
    assert frames.reconnected == 2 and frames.ended and server.clients == 3
    assert len(numbers) + frames.dropped == 45 and numbers == sorted(set(numbers)) and numbers[-1] == 44
    assert {frame.pixels.shape for frame in seen} == {(128, 160, 3)}
    assert not [thread for thread in threading.enumerate() if thread.name == "deploy.run.video"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
def test_a_long_run_keeps_no_frames(camera: Any) -> None:
    """Neither those that are taken nor those that are dropped: 2000 of them are 460 MB."""

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    class Endless:
        def __iter__(self) -> Iterator[np.ndarray]:
            return (np.full((240, 320, 3), number % 256, np.uint8) for number in range(2000))

    camera.scripts = [Endless()]
    memory = resident()
    frames = LiveFrames(VideoSource(CAMERA, "0"))
    count = sum(1 for _ in iter(lambda: frames.next(wait=True), None))
    assert resident() - memory < 60
    frames.close()
    assert count + frames.dropped == 2000


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = frames_module.PAUSES
    assert all(one < other for one, other in itertools.pairwise(pauses)) and sum(pauses) < 60


def test_an_h264_byte_stream_is_a_file_too(tmp_path: Path) -> None:
    """None is dropped, also of the images that refer to others."""
    units = [h264.parameter_sets(128, 128)]
    for key in range(3):
        units += [
            h264.key_image(*h264.flat(60 + 40 * key), number=key),
            *(h264.same_image(128, 128, n) for n in (1, 2, 3)),
        ]
    (tmp_path / "a.h264").write_bytes(b"".join(units))
    source = video_source(str(tmp_path / "a.h264"))
    assert source and source.kind == FILE
    with open_frames(source) as frames:
        seen = list(iter(lambda: frames.next(wait=True), None))
    assert [frame.number for frame in seen] == list(range(12)) and frames.dropped == 0
    levels = [int(frame.pixels.mean()) for frame in seen]
    assert levels == sorted(levels) and len(set(levels)) == 3
