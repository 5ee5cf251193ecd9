"""`detect` on a video, a camera or a stream: boxes frame by frame, and how fast it was.

Frames go into the pipeline as JPEG, as its decoder wants them, so that one pipeline serves images and video alike.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from deploy.console import Interrupted, StatusLine, note
from deploy.errors import DataError, EnvironmentFault
from deploy.run.session import open_stream
from deploy.run.stream import Outcome, Stream
from deploy.run.target import Target
from deploy.run.video.frames import Frame, Frames, open_frames
from deploy.run.video.output import Lines, SavedVideo, Window, drawn
from deploy.run.video.source import VideoSource

SCHEMA_VERSION = 1
JPEG_QUALITY = 95
MOST_LATENCIES = 100_000
"""Of the latest frames; a camera may run for weeks."""


@dataclass(frozen=True)
class Outputs:
    """`lines` gets JSON a frame, `save` is an .mp4, `show` a window; `frames` is how many at most, None for all."""

    lines: TextIO | None = None
    save: Path | None = None
    show: bool = False
    frames: int | None = None


@dataclass
class Watched:
    """`frames` came out with boxes or a fault, `dropped` were read and not looked at, since others were newer.

    `latency_ms` is from capture to boxes (of the encoding too), for a file with several frames in flight.
    """

    source: str
    live: bool
    on: str
    frames: int = 0
    failed_frames: int = 0
    dropped: int = 0
    reconnected: int = 0
    seconds: float = 0.0
    objects: Counter[str] = field(default_factory=Counter)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_LATENCIES))
    plugins_ms: dict[str, float] = field(default_factory=dict)
    saved: Path | None = None

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def latency_ms(self) -> dict[str, float]:
        if len(self.latencies) < 2:
            return {key: 1000 * sum(self.latencies) for key in ("p50", "p99")}
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        return {"p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "live": self.live,
            "on": self.on,
            "frames": self.frames,
            "failed_frames": self.failed_frames,
            "dropped": self.dropped,
            "reconnected": self.reconnected,
            "seconds": self.seconds,
            "frames_per_second": self.frames_per_second,
            "latency_ms": self.latency_ms(),
            "plugins_ms": dict(self.plugins_ms),
            "objects": dict(self.objects.most_common()),
            "saved": None if self.saved is None else str(self.saved),
        }

    def to_text(self) -> str:
        """Nothing: stdout has the lines. `summary` is for stderr."""
        return ""

    def summary(self) -> str:
        failed = f", {self.failed_frames} failed" if self.failed_frames else ""
        again = f", opened again {self.reconnected} times" if self.reconnected else ""
        counts = ", ".join(f"{name} x{count}" for name, count in self.objects.most_common()) or "none"
        latency = self.latency_ms()
        lines = [
            f"{self.source}: {self.frames} frames in {self.seconds:.3g} s, {self.frames_per_second:.1f} frames/s"
            f"{failed}, {self.dropped} dropped{again}",
            f"from capture to boxes: p50 = {latency['p50']:.1f} ms, p99 = {latency['p99']:.1f} ms",
            *(f"  {name} = {value:.2f} ms" for name, value in self.plugins_ms.items()),
            f"objects: {counts}",
        ]
        return "\n".join(lines if self.saved is None else [*lines, f"the frames with boxes are in {self.saved}"])


def watch(target: Target, source: VideoSource, outputs: Outputs) -> Watched:
    """Run a source's frames through detect.pipeline until it ends, or Ctrl-C, or q in the window.

    Raises what open_frames, SavedVideo, Window and open_stream raise, DataError where all frames failed, Interrupted
    after Ctrl-C, when what there is by then has been kept.
    """
    with ExitStack() as stack:
        window = Window() if outputs.show else None
        if window:
            stack.callback(window.close)
        frames = stack.enter_context(open_frames(source))
        save = SavedVideo(outputs.save, frames.rate) if outputs.save else None
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
        report.frames += 1
        report.seconds = time.perf_counter() - self._start
        if outcome.fault:
            report.failed_frames += 1
            if outcome.fault != self.last_fault:  # the same fault of every frame is said once
                self._status.clear()
                note(f"frame {frame.number} failed: {outcome.fault}")
            self.last_fault = outcome.fault
        report.objects.update(found.name for found in outcome.objects)
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
