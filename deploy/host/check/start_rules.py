"""What plugins refuse when their stream starts: each rule is one of a plugin's Init.

Source: MxpiXxx::Init and the functions that it calls, in Vision SDK's mxPlugins/src/module. The creation of the stream
then answers 6003, whatever the plugin says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

from deploy.host.catalog.video import CODECS
from deploy.host.check.stream_view import StreamView, whole
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.postprocess.key_values import KeyValues
from deploy.sdk_codes import CHANGE_STATE_FAILED, SdkFault

_MOST_CHANNEL = 31
_INTERVALS = (
    *("BRIGHTNESS", "OCCLUSION", "BLUR", "NOISE", "COLOR_CAST", "STRIPE", "DARK"),
    *("VIDEO_FREEZE", "VIEW_SHAKE", "SCENE_MUTATION", "PTZ_MOVEMENT"),
)
Problems = Iterator[tuple[str, str]]  # the property and what is wrong with it


def start_findings(view: StreamView) -> Iterator[Finding]:
    for element in view.elements.values():
        rule = _RULES.get(element.factory)
        for key, problem in rule(view, element) if rule else ():
            sentence = f"{view.where(element)}: {problem}"
            yield Finding(element.line_of(key), ERROR, sentence, CHANGE_STATE_FAILED)
    yield from _without_a_word(view)


def _without_a_word(view: StreamView) -> Iterator[Finding]:
    """Values that no creation fails for."""
    for element in view.of("mxpi_videodecoder"):  # MxpiVideoDecoder::SetDvppVideoFormat
        codec = element.text("inputVideoFormat")
        if codec not in CODECS and not any(e.factory == "mxpi_rtspsrc" for e in view.before(element)):
            sentence = f'{view.where(element)}: inputVideoFormat is "{codec}"; the decoder takes {" and ".join(CODECS)}'
            yield Finding(element.line_of("inputVideoFormat"), ERROR, f"{sentence}, and fails with the first buffer")
    for element in view.of("mxpi_videoencoder"):  # MxpiVideoEncoder::CheckParam
        for key in ("imageHeight", "imageWidth"):
            if whole(element, key) > 1920:
                sentence = (
                    f"{view.where(element)}: {key} is {element.text(key)}; an Ascend 310 or 310B takes 1920 at most"
                )
                yield Finding(element.line_of(key), WARNING, sentence)
    for element in view.of("mxpi_roigenerator"):
        kind = element.text("splitType")
        if kind not in ("Size_Block", "Num_Block", "Custom"):
            sentence = f'{view.where(element)}: splitType is "{kind}"; the SDK then takes Size_Block'
            yield Finding(element.line_of("splitType"), WARNING, sentence)


def _channels(view: StreamView, element: ElementText) -> Problems:
    """MxpiChannelSelector::IsValidChannelIds, and the same in the two plugins that put channels together."""
    text = element.text("channelIds")
    items = [item.strip() for item in text.split(",") if item.strip()]
    numbers = [int(item) for item in items if re.fullmatch("[+-]?[0-9]{1,9}", item, re.ASCII)]
    if not numbers or len(numbers) < len(items):
        yield "channelIds", f'channelIds is "{text}"; it is channels from 0 to {_MOST_CHANNEL} after commas'
    elif not all(0 <= number <= _MOST_CHANNEL for number in numbers):
        yield "channelIds", f'channelIds is "{text}"; channels go from 0 to {_MOST_CHANNEL}'
    elif len(set(numbers)) < len(numbers):
        yield "channelIds", f'channelIds is "{text}", with a channel twice'


def _distributor(view: StreamView, element: ElementText) -> Problems:
    """MxpiDistributor::CheckProperty."""
    set_keys = [key for key in ("classIds", "channelIds") if element.text(key)]
    if len(set_keys) != 1:
        yield "", f"it sorts by classIds or by channelIds; {'both are set' if set_keys else 'neither is set'}"
        return
    groups = [group for group in element.text(set_keys[0]).split(",") if group]
    if len(groups) != len(element.next):
        yield set_keys[0], f"{set_keys[0]} has {len(groups)} group(s) for {len(element.next)} element(s) in next"


def _selector(view: StreamView, element: ElementText) -> Problems:
    """MxpiObjectSelector::Init and CheckParamsInput."""
    key = "FirstDetectionFilter"
    rules = _json(element.value(key))
    if element.value(key) and not isinstance(rules, Mapping):
        yield key, f"{key} is no JSON object"
        return
    if not isinstance(rules, Mapping):
        return  # it is required, which is said already
    for name in ("TopN", "BottomN", "Type", "MinArea", "MaxArea", "ConfThresh"):
        found, expected = rules.get(name), "a text" if name == "Type" else "a number"
        if name not in rules:
            yield key, f"{key} has no {name}"
            return
        if not isinstance(found, str if name == "Type" else (int, float)):
            yield key, f"{key}: {name} is {json.dumps(found)}; it is {expected}"
            return
    if int(rules["TopN"]) and int(rules["BottomN"]):
        yield key, f"{key} has both TopN and BottomN; one of them is 0"
    elif rules["MinArea"] > rules["MaxArea"]:
        yield key, f"{key}: MinArea {rules['MinArea']} is above MaxArea {rules['MaxArea']}"
    elif rules["Type"] != "Area":
        yield key, f'{key}: Type is {json.dumps(rules["Type"])}; there is "Area" only'


def _regions(view: StreamView, element: ElementText) -> Problems:
    """MxpiRoiGenerator::JudgeUsage and JudgeSplitType."""
    if len(element.next) > 2:
        yield "next", f"it has {len(element.next)} outputs; it cuts with one, and cuts and puts together with two"
        return
    kind = element.text("splitType")
    if kind == "Custom":
        yield from _boxes(element, len(element.next) == 2)
    elif kind != "Num_Block":
        for side in ("Height", "Width"):
            block, overlap = whole(element, f"block{side}"), whole(element, f"overlap{side}")
            if overlap >= block:
                yield f"overlap{side}", f"overlap{side} is {overlap}; it is less than block{side}, {block}"


def _boxes(element: ElementText, merged: bool) -> Problems:
    found = {}
    for key in ("cropRoi", "mergeRoi") if merged else ("cropRoi",):
        boxes = [_box(text) for text in element.text(key).split("|") if text]
        if not boxes or None in boxes:
            yield key, f'{key} is "{element.text(key)}"; it is boxes "x0,y0,x1,y1|..." with x0 < x1 and y0 < y1'
            return
        found[key] = boxes
    if not merged:
        return
    crops, merges = found["cropRoi"], found["mergeRoi"]
    if len(crops) != len(merges):
        yield "mergeRoi", f"mergeRoi has {len(merges)} box(es), cropRoi {len(crops)}"
        return
    for number, (crop, merge) in enumerate(zip(crops, merges)):
        assert crop is not None and merge is not None
        if merge[0] < crop[0] or merge[1] < crop[1] or merge[2] > crop[2] or merge[3] > crop[3]:
            yield "mergeRoi", f"box {number} of mergeRoi reaches beyond box {number} of cropRoi"
            return


def _box(text: str) -> tuple[float, ...] | None:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", part, re.ASCII) for part in parts):
        return None
    x0, y0, x1, y1 = map(float, parts)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _quality(view: StreamView, element: ElementText) -> Problems:
    """MxpiQualityDetection::LoadConfig, CheckImageDectParams and CheckVideoDectParams."""
    key = "qualityDetectionConfigContent"
    content = element.value(key)
    if not content:
        if not element.text("qualityDetectionConfigPath"):
            yield "", f"neither {key} nor qualityDetectionConfigPath is set"
        return
    try:
        values = KeyValues.from_json(content if isinstance(content, str) else json.dumps(content), key)
    except SdkFault as fault:
        yield key, fault.sentence
        return
    _, frames = values.uint32("FRAME_LIST_LEN", 20)
    if frames < 2:
        yield key, f"{key}: FRAME_LIST_LEN is {frames}; it is 2 or more"
        return
    for name in _INTERVALS:
        _, interval = values.uint32(f"{name}_FRAME_INTERVAL", 10)
        if not 0 < interval < frames:
            yield key, f"{key}: {name}_FRAME_INTERVAL is {interval}; it is 1 to {frames - 1}, below FRAME_LIST_LEN"
    _, shake = values.number("VIEW_SHAKE_THRESHOLD", 20)
    if not 10 <= shake <= 100:
        yield key, f"{key}: VIEW_SHAKE_THRESHOLD is {shake:g}; it is 10 to 100"


def _dimensions(view: StreamView, element: ElementText) -> Problems:
    """MxpiImageResize::Init and MxpiImageCrop::Init."""
    low, high = whole(element, "minDimension"), whole(element, "maxDimension")
    if low > high:
        yield "minDimension", f"minDimension is {low}, above maxDimension, {high}"


def _centre(view: StreamView, element: ElementText) -> Problems:
    """MxpiOpencvCenterCrop::Init."""
    for key in ("cropHeight", "cropWidth"):
        if not whole(element, key):
            yield key, f"{key} is not set"


def _normalise(view: StreamView, element: ElementText) -> Problems:
    """MxpiImageNormalize::GetAlphaAndBeta: three numbers each, and none of beta is 0."""
    for key in ("alpha", "beta"):
        items = [item.strip() for item in element.text(key).split(",") if item.strip()]
        if len(items) != 3:
            yield key, f'{key} is "{element.text(key)}"; it is three numbers after commas'
        elif key == "beta" and any(re.fullmatch(r"[+-]?0*\.?0*", item) for item in items):
            yield key, f'beta is "{element.text(key)}", with a 0 to divide by'


def _tensors(view: StreamView, element: ElementText) -> Problems:
    """MxpiTensorInfer::CheckInputPortsStatus: blanks are trimmed, and each input port has its source."""
    text = element.text("dataSource")
    entering = view.links_to(element)
    if text in ("", "auto") or view.meta_links_to(element):
        return
    names = [name for name in text.split(",") if name.strip()]
    if len(names) != entering:
        yield "dataSource", f"dataSource names {len(names)} source(s); {entering} element(s) lead to it"


def _coordinates(view: StreamView, element: ElementText) -> Problems:
    """MxpiChannelOsdCoordsConverter::Init."""
    yield from _channels(view, element)
    if view.links_to(element) < 2:
        yield "", "it needs two or more elements that lead to it"


def _json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


_RULES: dict[str, Callable[[StreamView, ElementText], Problems]] = {
    "mxpi_channelselector": _channels,
    "mxpi_channelimagesstitcher": _channels,
    "mxpi_channelosdcoordsconverter": _coordinates,
    "mxpi_distributor": _distributor,
    "mxpi_objectselector": _selector,
    "mxpi_roigenerator": _regions,
    "mxpi_qualitydetection": _quality,
    "mxpi_imageresize": _dimensions,
    "mxpi_imagecrop": _dimensions,
    "mxpi_opencvcentercrop": _centre,
    "mxpi_imagenormalize": _normalise,
    "mxpi_tensorinfer": _tensors,
}
