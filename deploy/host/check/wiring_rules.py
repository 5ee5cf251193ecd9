"""Rules about how elements take data from each other.

The SDK looks for data under their keys when a buffer comes, not when it creates a stream: any key is legal there
(MxGstBase.cpp, CheckDataSource). Only a source that is left out where nothing could be meant ends the creation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from deploy.host.check.stream_view import StreamView
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.sdk_codes import CHANGE_STATE_FAILED
from deploy.wording import did_you_mean

_DUMPED = ("requiredMetaDataKeys", "filterMetaDataKeys")  # MxpiBufferDump trims their names
_OF_THE_SDK = (
    *("ReserveMetadataGraph", "ReservedVisionList", "ReservedFrameInfo"),
    *("MxstFrameExternalInfo", "ExternalObjects", "ErrorInfo", "=dumpMemory="),
)
_POST = tuple(
    f"mxpi_{kind}postprocessor"
    for kind in ("object", "class", "semanticseg", "textgeneration", "textobject", "keypoint")
)
_PARENT = (0, ("parentName", "dataSource"))
_OWN = (0, ("dataSource",))
_SOURCES: dict[str, tuple[tuple[int, tuple[str, ...]], ...]] = {
    "mxpi_imageresize": (_PARENT,),
    "mxpi_modelinfer": (_PARENT,),
    **{
        f"mxpi_{name}": (_OWN,)
        for name in (
            *("distributor", "imageencoder", "videoencoder", "qualitydetection", "datatransfer", "imagenormalize"),
            *("opencvcentercrop",),
        )
    },
    **dict.fromkeys(_POST, (_OWN,)),
    "mxpi_imagecrop": (_OWN, (1, ("dataSourceImage",))),
    "mxpi_facealignment": ((0, ("dataSourceImage",)), (1, ("dataSourceKeyPoint",))),
    "mxpi_nmsoverlapedroiV2": ((0, ("dataSourceBlock",)), (1, ("dataSourceDetection",))),
    "mxpi_motsimplesortV2": ((0, ("dataSourceDetection",)), (1, ("dataSourceFeature",))),
}
"""What Init ends with where it is empty: for each input port the properties that name its source.

MxPluginsGetDataSource, MxPluginsAutoDataSource, MxModelPostProcessorBase::Init.
"""


def wiring_findings(view: StreamView) -> Iterator[Finding]:
    """Data sources that are missing or look misspelt, lists of keys, and branches without queues."""
    for element in view.elements.values():
        for key, value in element.props.items():
            if not isinstance(value, str):
                continue
            if key == "parentName" or key.startswith("dataSource"):
                yield from _names(view, element, key, value)
            elif key == "outputDataKeys" or key in _DUMPED:
                yield from _keys(view, element, key, value)
        yield from _left_out(view, element)
    for tee in view.of("tee", "mxpi_distributor"):
        yield from _branches(view, tee)


def _names(view: StreamView, element: ElementText, key: str, value: str) -> Iterator[Finding]:
    for name in (part.strip() for part in value.split(",")):
        problem = _problem(view, element, name)
        if problem and name not in ("", "auto"):
            sentence = (
                f'{view.where(element)}: {key} is "{name}", {problem}; the stream is created, but where no data come '
                "under that key, the element does nothing"
            )
            yield Finding(element.line_of(key), WARNING, sentence)


def _keys(view: StreamView, element: ElementText, key: str, value: str) -> Iterator[Finding]:
    for name in filter(None, value.split(",")):
        where, line = view.where(element), element.line_of(key)
        if key in _DUMPED:
            problem = _misspelt(view, element, name.strip())
            if problem:
                yield Finding(line, WARNING, f'{where}: {key} names "{name.strip()}", {problem}')
        elif name != name.strip() and not _problem(view, element, name.strip()):
            sentence = f'{where}: {key} names "{name}", with a blank that the SDK does not trim, so it finds nothing'
            yield Finding(line, ERROR, f"{sentence}; the SDK drops it without a word")
        else:
            problem = _problem(view, element, name)
            if problem:
                sentence = f'{where}: {key} names "{name}", {problem}; the SDK drops it without a word'
                yield Finding(line, WARNING, sentence)


def _problem(view: StreamView, element: ElementText, name: str) -> str:
    """Why it seems that no data come under that key, or an empty text."""
    if name in _OF_THE_SDK:
        return ""
    there = _element(view, name)
    if there is None:
        problem = _misspelt(view, element, name)
        return problem or ("" if _brings_keys(view, element) else "which is no element before it")
    if there not in view.before(element):
        return f"from which no way leads to {element.name}"
    return ""


def _misspelt(view: StreamView, element: ElementText, name: str) -> str:
    if name in _OF_THE_SDK or _element(view, name) is not None:
        return ""
    if _brings_keys(view, element) and re.sub("[0-9_]+$", "", name) in _stems(view, element):
        return ""  # another of the kind, such as mxpi_imagecrop1 beside mxpi_imagecrop0
    if _brings_keys(view, element) and any(name.startswith(f"{other.name}_") for other in view.before(element)):
        return ""  # a plugin of somebody's own may write under names of that form
    close = did_you_mean(name, [other.name for other in view.before(element)])
    likely = close and not (_brings_keys(view, element) and name.startswith("mxpi_"))
    return f"which is no element{close}" if likely else ""


def _stems(view: StreamView, element: ElementText) -> set[str]:
    return {re.sub("[0-9_]+$", "", other.name) for other in view.before(element)}


def _element(view: StreamView, name: str) -> ElementText | None:
    return view.elements.get(name) or view.elements.get(re.sub(r"_[0-9]+$", "", name))


def _brings_keys(view: StreamView, element: ElementText) -> bool:
    """Whether something before it hands on data under keys that the file does not show."""
    return any(other.factory == "mxpi_loaddata" or other.known is None for other in view.before(element))


def _left_out(view: StreamView, element: ElementText) -> Iterator[Finding]:
    for port, keys in _SOURCES.get(element.factory, ()):
        unset = {"parentName": ("", "auto")}
        given = [element.props[key] for key in keys if element.props.get(key, "auto") not in unset.get(key, ("auto",))]
        if any(given):
            continue
        if given and (not port or view.enters(element, port)):
            found = "is empty"
        elif not given and view.source_left_out(element, port):
            found = "is left out, and nothing stands behind the source of the buffers that could be meant"
        else:
            continue
        sentence = f"{view.where(element)}: {' or '.join(keys)} {found}; the SDK does not start the element"
        yield Finding(element.line_of(keys[-1]), ERROR, sentence, CHANGE_STATE_FAILED)


def _branches(view: StreamView, element: ElementText) -> Iterator[Finding]:
    if len(element.next) < 2:
        return
    for target in element.next:
        there = view.elements.get(target.name)
        if there is not None and there.factory != "queue":
            sentence = f"{view.where(element)}: a queue belongs between {element.factory} and {there.name}"
            yield Finding(target.line, WARNING, sentence)
