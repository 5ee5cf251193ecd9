"""`detect` with a pipeline that pulls its video itself, by mxpi_rtspsrc: boxes come, frames stay in the stream."""

from __future__ import annotations

import time
from pathlib import Path

from deploy.console import Interrupted, StatusLine, note
from deploy.errors import DataError, EnvironmentFault, UsageError
from deploy.run.pipeline_file import PipelineFile
from deploy.run.session import open_stream
from deploy.run.stream import BOARD, Stream, find_engine
from deploy.run.target import Target
from deploy.run.video.output import Lines
from deploy.run.video.report import Outputs, Watched
from deploy.video.frames import Frame
from deploy.video.source import CAMERA, FILE, VideoSource

_WAIT_MS = 500
"""In steps of this, so that Ctrl-C gets through."""
_SILENCE_SECONDS = 60.0
"""After which a stream on a board, which does not tell its end, counts as ended."""


def pulls(target: Target) -> bool:
    """Whether the pipeline that the user named pulls its video. Raises ModelError for one that cannot be read."""
    return target.pipeline is not None and PipelineFile(target.pipeline.absolute(), Path.cwd()).pulls()


def watch_pulled(target: Target, source: VideoSource, outputs: Outputs) -> Watched:
    """Let the stream pull `source`, until it ends or Ctrl-C. The time of a line is in seconds since the start.

    Raises UsageError for a camera, for frames that are to be shown or saved, and for a file on a board, DataError where
    all frames failed, EnvironmentFault for a source that cannot be read, Interrupted after Ctrl-C, and what open_stream
    raises.
    """
    name = target.pipeline.name if target.pipeline else ""
    if source.kind == CAMERA:
        raise UsageError(f"{name} pulls RTSP streams; for {source} leave --pipeline out")
    for option, value in (("--save", outputs.save), ("--show", outputs.show)):
        if value:
            raise UsageError(f"{option} needs the frames, which {name} keeps in the stream; leave --pipeline out")
    if source.kind == FILE and find_engine(target.on, built=True).on == BOARD:
        raise UsageError(
            f"{name}: the SDK pulls rtsp://ADDRESS and no files; {source} runs without --pipeline, or with --on host"
        )
    address = str(Path(source.place).absolute()) if source.kind == FILE else source.place
    with open_stream(target, "detect", video=address) as (stream, _):
        report = Watched(str(source), source.live, stream.on)
        stopped, last_fault = False, ""
        try:
            last_fault = _all(stream, report, Lines(outputs.lines), outputs.frames)
        except KeyboardInterrupt:
            stopped = True
        so_far = stream.pulled_so_far()
        if so_far is not None:
            report.dropped, report.reconnected = so_far.dropped, so_far.reconnected
        report.plugins_ms = stream.plugin_milliseconds()
        note(report.summary())
        if stopped:
            raise Interrupted(f"{report.frames} frames of {source} were looked at")
        if so_far is not None and so_far.why:
            raise EnvironmentFault(so_far.why)
        if report.frames and report.failed_frames == report.frames:
            raise DataError(f"all {report.frames} frames of {source} failed: {last_fault}")
    return report


def _all(stream: Stream, report: Watched, lines: Lines, most: int | None) -> str:
    """Take what comes. Returns the last fault, "" without one."""
    start = heard = time.perf_counter()
    status, last_fault = StatusLine(), ""
    try:
        while most is None or report.frames < most:
            so_far = stream.pulled_so_far()  # before the wait: what came until then is fetched below
            outcome = stream.pulled(_WAIT_MS)
            now = time.perf_counter()
            if outcome is None:
                if (so_far is not None and so_far.over) or (so_far is None and now - heard > _SILENCE_SECONDS):
                    break
                continue
            heard = now
            report.add(outcome)
            report.seconds = now - start
            if outcome.fault and outcome.fault != last_fault:  # the same fault of every frame is said once
                status.clear()
                note(f"frame {report.frames - 1} failed: {outcome.fault}")
            last_fault = outcome.fault or last_fault
            lines.add(Frame(report.frames - 1, now - start, now, None), outcome.objects, outcome.fault)
            if status.is_due():
                status.show(f"frame {report.frames - 1}, {report.frames_per_second:.1f} frames/s")
    finally:
        status.clear()
    return last_fault
