"""A stream that is open and ready: the right pipeline, with its thresholds, in the folder that its paths start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.console import note
from deploy.errors import ModelError, UsageError
from deploy.run.foreign_code import check_code
from deploy.run.pipeline_file import PipelineFile
from deploy.run.raw_pipeline import has_python_post, raw_pipeline
from deploy.run.raw_stream import RawStream
from deploy.run.stream import HOST, Engine, Stream, find_engine
from deploy.run.target import Target
from deploy.run.working_folder import inside

NUMERICS_OF_TASK = {"detect": "float", "eval": "board"}
"""Where the command line says nothing: a score is to be the board's, images and speed are the laptop's own."""


@contextmanager
def open_stream(target: Target, task: str, video: str = "") -> Iterator[tuple[Stream, PipelineFile]]:
    """Open the stream of a task ("detect" or "eval"). Inside, the bundle's folder is the process's current folder.

    `video` is where a pipeline that pulls its video pulls from: an address, or on the host a file's absolute path.

    Raises what Target.resolve, PipelineFile, check_code, Stream and raw_pipeline raise, UsageError for a pipeline that
    pulls its video and gets none, and ModelError for a board without the .om file and for a pipeline that writes
    outside that folder where `target` does not allow it.
    """
    path, folder, notes, soc, bundle = target.resolve(task)
    for sentence in notes:
        note(sentence)
    pipeline = PipelineFile(path, folder)
    check_code(pipeline, bundle, target.trust)
    outside = pipeline.writes_outside()
    if outside and not target.write_outside:
        raise ModelError(
            f"{path}: {outside[0]} writes to {outside[1]}, outside the folder in which the stream runs; with "
            "--write-outside it may"
        )
    if video:
        pipeline.set_video(video)
    elif pipeline.pulls():
        raise UsageError(f"{path} pulls its video itself, so only detect runs it, on a video file or rtsp://ADDRESS")
    pipeline.set_thresholds(target.conf, target.iou)
    missing = pipeline.missing_models()
    engine = find_engine(target.on, built=not missing and bool(pipeline.models()))
    if engine.on != HOST and missing:
        raise ModelError(f"the board's model {missing[0]} is missing; build.sh makes it from the ONNX file of a bundle")
    if engine.on != HOST and target.numerics:
        note("--numerics is for the host engine's CPU; the chip computes as it does")
    note(engine.to_text())
    numerics = target.numerics or NUMERICS_OF_TASK[task]
    with inside(folder), _stream(engine, pipeline, target.raw, numerics, soc) as stream:
        yield stream, pipeline


def _stream(engine: Engine, pipeline: PipelineFile, raw: bool, numerics: Any, soc: str) -> Stream:
    """The stream as the file has it, or cut behind the model: where `raw` says so, or a board refuses Python in it."""
    name = pipeline.stream_name
    if not raw:
        try:
            return Stream(engine, pipeline.text, name, numerics, soc)
        except ModelError as fault:
            if engine.host or not has_python_post(pipeline):
                raise
            note(
                f"{fault}; its post-processor is in Python, so it runs here, on the model's raw tensors (as with --raw)"
            )
    return RawStream(engine, raw_pipeline(pipeline), name, numerics, soc)
