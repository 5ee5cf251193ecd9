"""Rules about post-processors: the right library behind the right model plugin, and config, labels and heads agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from deploy.host.catalog.ports import Ports, fit
from deploy.host.check import libraries
from deploy.host.check.config_rules import CLASSES, NEW, OLD, OLD_V3, OTHER, TEXT, config_findings
from deploy.host.check.faults import as_finding
from deploy.host.check.libraries import NO_SUCH, OLD_YOLO, OLD_YOLO_V3, YOLO
from deploy.host.check.stream_view import StreamView
from deploy.host.check.surroundings import Surroundings
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.postprocess.key_values import KeyValues
from deploy.sdk_codes import CHANGE_STATE_FAILED, INVALID_PARAM, NO_EXIST, SdkFault
from deploy.wire.onnx_graph import FLOAT32

POST_PROCESSORS = tuple(
    f"mxpi_{kind}postprocessor"
    for kind in ("object", "class", "semanticseg", "textgeneration", "textobject", "keypoint")
)
_READERS = {"libcrnnpostprocess.so": TEXT, "libresnet50postprocess.so": CLASSES}
_AFTER_THE_CUT = ("Sigmoid", "Concat", "NonMaxSuppression", "Softmax")


def postprocess_findings(view: StreamView, around: Surroundings) -> Iterator[Finding]:
    for element in view.elements.values():
        if element.known is not None and "labelPath" in element.known.properties:
            yield from _files(view, element, around)
    for element in view.of("mxpi_modelinfer", *POST_PROCESSORS):
        yield from _library(view, element)
        if element.factory == "mxpi_modelinfer" and not element.text("postProcessLibPath"):
            continue  # raw tensors are wanted
        reader = _reader(element)
        values = _config(view, element, reader, around)
        if isinstance(values, list):
            yield from values
        elif values is not None:
            yield from _classes(view, element, values, reader, around)
            if reader in (NEW, OLD, OLD_V3):
                yield from _heads(view, element, values, reader, around)


def _reader(element: ElementText) -> str:
    """Who reads the config, by plugin and library."""
    name = PurePosixPath(element.text("postProcessLibPath")).name
    if element.text("funcLanguage") == "python":
        return OTHER
    if element.factory == "mxpi_modelinfer":
        return OLD_V3 if name == OLD_YOLO_V3 else OLD if name == OLD_YOLO else OTHER
    if element.factory == "mxpi_objectpostprocessor" and name in (YOLO, *NO_SUCH, *libraries.OLD):
        return NEW
    return _READERS.get(name, OTHER)


def _library(view: StreamView, element: ElementText) -> Iterator[Finding]:
    where, line = view.where(element), element.line_of("postProcessLibPath")
    path = element.text("postProcessLibPath")
    name = PurePosixPath(path).name
    old = element.factory == "mxpi_modelinfer"
    if not old:
        source = view.source(element, "dataSource")
        if source is not None and source.known is not None and not _hands_on_tensors(source.known.ports):
            sentence = f"{where}: it takes its tensors from {source.name}, which hands on none: every image will fail"
            yield Finding(element.line_of("dataSource"), WARNING, sentence)
    if element.text("funcLanguage") == "python":
        for key in ("className", "pythonModule"):
            if not element.text(key):
                sentence = f"{where}: funcLanguage python needs {key}"
                yield Finding(element.line_of("funcLanguage"), ERROR, sentence, INVALID_PARAM)
        return
    if not name:
        if not old:
            sentence = f"{where}: postProcessLibPath is not set; for YOLO it is {YOLO}"
            yield Finding(line, ERROR, sentence, CHANGE_STATE_FAILED)
        return
    foreign = name not in (*libraries.OLD, *libraries.NEW)
    if not old and name.startswith("libMp"):
        sentence = f"{where}: {name} belongs to mxpi_modelinfer; behind mxpi_tensorinfer YOLO has {YOLO}"
        yield Finding(line, WARNING if foreign else ERROR, sentence)
    elif old and name.lower().endswith("postprocess.so") and not name.startswith("libMp"):
        sentence = f"{where}: {name} does not belong to mxpi_modelinfer; its YOLOv5 library is {OLD_YOLO}"
        yield Finding(line, WARNING if foreign else ERROR, sentence)
    elif name in NO_SUCH:
        sentence = f"{where}: the SDK has no {name}; YOLOv3, v4 and v5 all are {YOLO}"
        yield Finding(line, WARNING, sentence)
    if "{" in path:
        yield Finding(line, WARNING, f"{where}: postProcessLibPath is {path}, with a place to fill in")
    if path.startswith(("/home/", "/root/")):
        sentence = f"{where}: postProcessLibPath is a path in somebody's home; the name {name} alone is found anywhere"
        yield Finding(line, WARNING, sentence)


def _files(view: StreamView, element: ElementText, around: Surroundings) -> Iterator[Finding]:
    where = view.where(element)
    for key in ("postProcessConfigPath", "labelPath"):
        name = element.text(key)
        if not name:
            continue
        if key == "postProcessConfigPath" and element.value("postProcessConfigContent"):
            sentence = f"{where}: postProcessConfigContent is set too and wins over postProcessConfigPath"
            yield Finding(element.line_of(key), WARNING, sentence)
        path = around.folder / name
        if "\0" in name or not path.is_file():
            sentence = f"{where}: there is no file {name} in {around.folder.resolve()}"
            yield Finding(element.line_of(key), ERROR, sentence, NO_EXIST)
        elif path.is_symlink():
            yield Finding(element.line_of(key), ERROR, f"{where}: {name} is a link, which the SDK refuses")


def _config(
    view: StreamView, element: ElementText, reader: str, around: Surroundings
) -> KeyValues | list[Finding] | None:
    """The config, or what is wrong with one that stands in the pipeline itself."""
    content = element.value("postProcessConfigContent")
    where = view.where(element)
    if content:
        line = element.line_of("postProcessConfigContent")
        name = f"{where}: postProcessConfigContent"
        try:
            values = KeyValues.from_json(content if isinstance(content, str) else json.dumps(content), name)
        except SdkFault as fault:
            return [as_finding(fault, where, line)._replace(sentence=fault.sentence)]
        found = [*config_findings(values, reader, line)]
        if found:
            return [one._replace(sentence=f"{name}: {one.sentence.replace(name + ': ', '')}") for one in found]
        return values
    path = element.text("postProcessConfigPath")
    if path:
        return around.config(path, reader)
    sentence = f"{where}: neither postProcessConfigPath nor postProcessConfigContent is set"
    if reader == NEW:  # PostProcessBase::LoadConfigData only warns, ObjectPostProcessBase then misses CLASS_NUM
        return [Finding(element.line, ERROR, f"{sentence}, so CLASS_NUM is missing", CHANGE_STATE_FAILED)]
    if element.text("funcLanguage") == "python":
        return None
    return [Finding(element.line, WARNING, f"{sentence}; the SDK only warns")]


def _classes(
    view: StreamView, element: ElementText, values: KeyValues, reader: str, around: Surroundings
) -> Iterator[Finding]:
    path = element.text("labelPath")
    labels = around.labels(path) if path else None
    _, count = values.uint32("CLASS_NUM", 0, 0, 10_000)
    if labels is not None and "CLASS_NUM" in values.texts and len(labels) != count:
        sentence = f"{view.where(element)}: {path} has {len(labels)} class(es), {_short(values)} CLASS_NUM={count}"
        severity = WARNING if reader == OTHER else ERROR
        yield Finding(element.line_of("labelPath"), severity, sentence)


def _hands_on_tensors(ports: Ports) -> bool:
    return any(fit(types, ("metadata/tensor",)) for types in (*ports.outputs, ports.more_outputs) if types)


def _heads(
    view: StreamView, element: ElementText, values: KeyValues, reader: str, around: Surroundings
) -> Iterator[Finding]:
    """Whether the model's outputs are the raw heads that the config describes."""
    infer = element if reader in (OLD, OLD_V3) else view.source(element, "dataSource")
    model = infer.text("modelPath") if infer is not None else ""
    graph = around.graph(model) if model else None
    if graph is None or infer is None:
        return
    where, line = view.where(infer), infer.line_of("modelPath")
    _, levels = values.integer("YOLO_TYPE", 3, 0, 16)
    _, anchors = values.integer("ANCHOR_DIM", 3, 0, 16)
    _, classes = values.uint32("CLASS_NUM", 2, 0, 1000)
    if len(graph.outputs) != levels:
        sentence = f"{where}: the model has {len(graph.outputs)} output(s), {_short(values)} YOLO_TYPE={levels}"
        yield Finding(line, ERROR, sentence, INVALID_PARAM)
        return
    makers = {output: node for node in graph.nodes for output in node.outputs}
    five_axes = reader == OLD or values.integer("YOLO_VERSION", 3, 0, 16)[1] == 5
    for output in graph.outputs:
        maker = makers.get(output.name)
        if maker is not None and maker.operator in _AFTER_THE_CUT:
            sentence = f"{where}: output {output.name} comes from {maker.operator}; the SDK decodes raw heads itself"
            yield Finding(line, ERROR, sentence, INVALID_PARAM)
        elif five_axes and (len(output.shape) != 5 or output.shape[1] != anchors or output.shape[4] != classes + 5):
            sentence = (
                f"{where}: output {output.name} is {list(output.shape)}; {_short(values)} wants "
                f"[1, {anchors}, h, w, {classes + 5}] (CLASS_NUM={classes})"
            )
            yield Finding(line, ERROR, sentence, INVALID_PARAM)
        if output.kind != FLOAT32:
            sentence = f"{where}: output {output.name} is not float32; give ATC --output_type=FP32"
            yield Finding(line, WARNING, sentence)


def _short(values: KeyValues) -> str:
    return values.name if "postProcessConfigContent" not in values.name else "postProcessConfigContent"
