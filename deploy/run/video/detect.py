"""`detect` on a video, a camera or a stream: boxes frame by frame, and how fast it was.

Frames go into the pipeline as JPEG, as its decoder wants them, so that one pipeline serves images and video alike.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import ExitStack
from typing import Any

from deploy.console import Interrupted, StatusLine, note
from deploy.errors import DataError, EnvironmentFault
from deploy.run.session import open_stream
from deploy.run.stream import Outcome, Stream
from deploy.run.target import Target
from deploy.run.video.output import Lines, SavedVideo, Window, drawn
from deploy.run.video.pulled import pulls, watch_pulled
from deploy.run.video.report import Outputs, Watched
from deploy.video.frames import Frame, Frames, open_frames
from deploy.video.source import VideoSource

JPEG_QUALITY = 95


def watch(target: Target, source: VideoSource, outputs: Outputs) -> Watched:
    """Run a source's frames through detect.pipeline until it ends, or Ctrl-C, or q in the window. A pipeline that pulls
    its video itself gets the source in place of frames (watch_pulled).

    Raises what open_frames, SavedVideo, Window and open_stream raise, DataError where all frames failed, Interrupted
    after Ctrl-C, when what there is by then has been kept.
    """
    if pulls(target):
        return watch_pulled(target, source, outputs)
    with ExitStack() as stack:
        window = Window() if outputs.show else None
        if window:
            stack.callback(window.close)
        frames = stack.enter_context(open_frames(source))
        save = SavedVideo(outputs.save, frames.rate, source) if outputs.save else None
        if save:
            stack.callback(save.close)
        stream, _ = stack.enter_context(open_stream(target, "detect"))
        report = Watched(str(source), source.live, stream.on)
        run = _Run(stream, frames, report, Lines(outputs.lines), save, window)
        stopped = False
        try:
            run.all(outputs.frames)
        except KeyboardInterrupt:
            stopped = True
        report.dropped, report.reconnected = frames.dropped, frames.reconnected
        report.plugins_ms = stream.plugin_milliseconds()
        if save and save.finish():
            report.saved = outputs.save
        note(report.summary())
        if stopped:
            kept = f"; {outputs.save} holds them" if report.saved else ""
            raise Interrupted(f"{report.frames} frames of {source} were looked at{kept}")
        if report.frames and report.failed_frames == report.frames:
            raise DataError(f"all {report.frames} frames of {source} failed: {run.last_fault}")
    return report


class _Run:
    """Frames in flight, in order. A live source has few, so that none waits long; a file keeps every core busy."""

    def __init__(
        self,
        stream: Stream,
        frames: Frames,
        report: Watched,
        lines: Lines,
        save: SavedVideo | None,
        window: Window | None,
    ) -> None:
        self._stream, self._frames, self._report = stream, frames, report
        self._lines, self._save, self._window = lines, save, window
        cores = os.cpu_count() or 1
        self._most = max(2, cores) if report.live else 2 * cores + 2
        self._waiting: deque[tuple[Frame, int | Outcome]] = deque()
        self._status = StatusLine()
        self._going = True
        self._start = time.perf_counter()
        self.last_fault = ""

    def all(self, most: int | None) -> None:
        sent = 0
        self._start = time.perf_counter()
        try:
            while self._going and (most is None or sent < most):
                frame = self._frames.next(wait=not self._waiting)
                if frame is not None:
                    self._send(frame)
                    sent += 1
                elif self._frames.ended:
                    break
                if len(self._waiting) >= self._most or (frame is None and self._waiting):
                    self._receive()
            while self._waiting:
                self._receive()
        finally:
            self._status.clear()
            self._report.seconds = time.perf_counter() - self._start

    def _send(self, frame: Frame) -> None:
        unique_id = self._stream.send(_jpeg(frame.pixels))
        # A stream that is full takes the next frame once an older one has left it.
        while unique_id < 0 and self._waiting:
            self._receive()
            unique_id = self._stream.send(_jpeg(frame.pixels))
        self._waiting.append((frame, unique_id if unique_id >= 0 else Outcome([], self._stream.refusal())))

    def _receive(self) -> None:
        frame, result = self._waiting.popleft()
        outcome = result if isinstance(result, Outcome) else self._stream.receive(result)
        report = self._report
        report.latencies.append(time.perf_counter() - frame.captured)
        report.add(outcome)
        report.seconds = time.perf_counter() - self._start
        if outcome.fault:
            if outcome.fault != self.last_fault:  # the same fault of every frame is said once
                self._status.clear()
                note(f"frame {frame.number} failed: {outcome.fault}")
            self.last_fault = outcome.fault
        self._lines.add(frame, outcome.objects, outcome.fault)
        if self._save or self._window:
            pixels = drawn(frame, outcome.objects)
            if self._save:
                self._save.add(pixels)
            if self._window:
                self._going = self._window.add(pixels) and self._going
        if self._status.is_due():
            self._status.show(f"frame {frame.number}, {report.frames_per_second:.1f} frames/s")


def _jpeg(pixels: Any) -> bytes:
    import cv2

    done, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise EnvironmentFault("cv2 cannot encode a frame as JPEG")
    return bytes(encoded.tobytes())
