"""Rules about models: whether the file is there, and whether what comes in and goes out has the right size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from deploy.host.check.stream_view import MODELS, StreamView, processor, whole
from deploy.host.check.surroundings import Surroundings
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST

_PUBLIC = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO


def model_findings(view: StreamView, around: Surroundings) -> Iterator[Finding]:
    for element in view.of(*MODELS):
        path = element.text("modelPath")
        if path:
            yield from _file(view, element, path, around.folder)
            yield from _input(view, element, path, around)
            yield from _aipp(view, element, path, around)


def _file(view: StreamView, element: ElementText, name: str, folder: Path) -> Iterator[Finding]:
    where, line = view.where(element), element.line_of("modelPath")
    path = folder / name
    if PurePosixPath(name).suffix != ".om":
        yield Finding(line, WARNING, f"{where}: modelPath is {name}; the board loads .om files")
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        onnx = path.with_suffix(".onnx") if path.name and "\0" not in name else path
        if "\0" not in name and onnx.is_file():
            yield Finding(line, NOTE, f"{where}: there is no {name} yet; build.sh makes it of {onnx.name}")
        else:
            yield Finding(line, ERROR, f"{where}: there is no file {name} in {folder.resolve()}", NO_EXIST)
        return
    if stat.S_ISLNK(status.st_mode):
        yield Finding(line, ERROR, f"{where}: {name} is a link, which the SDK refuses")
    elif not stat.S_ISREG(status.st_mode):
        yield Finding(line, ERROR, f"{where}: {name} is no regular file")
    elif os.name == "posix" and status.st_mode & _PUBLIC and path.suffix == ".om":
        mode = stat.S_IMODE(status.st_mode)
        yield Finding(line, ERROR, f"{where}: {name} has mode {mode:o}; the SDK refuses a model beyond 640")


def _input(view: StreamView, element: ElementText, name: str, around: Surroundings) -> Iterator[Finding]:
    where = view.where(element)
    source = view.source(element, "parentName", "dataSource")
    graph = around.graph(name)
    shape = graph.inputs[0].shape if graph is not None and len(graph.inputs) == 1 else ()
    if len(shape) == 4:
        batch, _, height, width = shape
        if batch is not None and batch > 1 and not _waits(element):
            sentence = (
                f"{where}: the model takes {batch} images at once, so a single one waits for waitingTime, "
                f"{element.text('waitingTime')} ms"
            )
            yield Finding(element.line_of("waitingTime"), WARNING, sentence)
        if source is not None and source.factory == "mxpi_imageresize":
            yield from _sizes(view, source, width, height, f"the model {name} takes")
    if source is not None and source.factory == "mxpi_imagedecoder" and processor(source) == "ascend":
        sentence = (
            f"{where}: it takes images as {source.name} decodes them; only those fit whose width, aligned to 128, "
            "and height, aligned to 16, are the model's"
        )
        yield Finding(element.line, NOTE, sentence)


def _waits(element: ElementText) -> bool:
    """Whether somebody has thought of the batch."""
    return element.text("singleBatchInfer") == "1" or "waitingTime" in element.props


def _sizes(
    view: StreamView, resize: ElementText, width: float | None, height: float | None, who: str
) -> Iterator[Finding]:
    for key, expected in (("resizeWidth", width), ("resizeHeight", height)):
        found = whole(resize, key)
        if expected and found and found != expected:
            sentence = f"{view.where(resize)}: {key} is {found}; {who} {expected:g}"
            yield Finding(resize.line_of(key), ERROR, sentence, INVALID_PARAM)


def _aipp(view: StreamView, element: ElementText, name: str, around: Surroundings) -> Iterator[Finding]:
    read = around.aipp(name)
    source = view.source(element, "parentName", "dataSource")
    if read is None or source is None or read[1]["aipp_mode"] != "static":
        return
    file, values = read
    if source.factory == "mxpi_imageresize" and values["crop"] != "true":
        width, height = float(values["src_image_size_w"]), float(values["src_image_size_h"])
        yield from _sizes(view, source, width, height, f"{file} has src_image_size")
    form, expected = values["input_format"], "YUV420SP_U8"
    if source.factory in ("mxpi_imageresize", "mxpi_imagedecoder"):
        if processor(source) == "opencv":
            expected = "RGB888_U8"
        if form != expected:
            sentence = f"{view.where(element)}: {source.name} hands on {expected} images; {file} has {form}"
            yield Finding(element.line_of("modelPath"), ERROR, sentence, INVALID_PARAM)
