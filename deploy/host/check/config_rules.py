"""What is wrong with a post-processor's config: what the SDK refuses, and what it reads otherwise than it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Callable

from deploy.host.check.faults import as_finding
from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.sdk2 import config as sdk2_config
from deploy.postprocess.sdk2.config import read_sdk2_yolov3, read_sdk2_yolov5
from deploy.postprocess.yolo_config import read_yolo_config
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, UNREALIZED, SdkFault
from deploy.wording import did_you_mean

NEW, OLD, OLD_V3, YOLO, TEXT, CLASSES, OTHER = "new", "old", "old v3", "a YOLO", "text", "classes", "other"
"""Who reads a config: libyolov3postprocess.so, libMpYOLOv5PostProcessor.so, libMpYOLOv3PostProcessor.so, one of these
three, libcrnnpostprocess.so, libresnet50postprocess.so, or another, which may read whatever it likes."""

# What the SDK makes of a key's text: the type, and the limits that it clamps to without a word.
_UNIT = ("float", 0.0, 1.0)
TYPES: dict[str, tuple[str, float, float]] = {
    "CLASS_NUM": ("uint32", 0, 1000),
    "SCORE_THRESH": _UNIT,
    "OBJECTNESS_THRESH": _UNIT,
    "IOU_THRESH": _UNIT,
    "SEPARATE_SCORE_THRESH": ("list", 0, 0),
    "BIASES_NUM": ("uint32", 0, 100),
    "BIASES": ("list", 0, 0),
    "YOLO_TYPE": ("int", 0, 16),
    "ANCHOR_DIM": ("int", 0, 16),
    "YOLO_VERSION": ("int", 0, 16),
    "MODEL_TYPE": ("int", 0, 16),
    "FRAMEWORK": ("string", 0, 0),
    "RESIZE_FLAG": ("int", 0, 16),
    "INPUT_TYPE": ("int", 0, 16),
    "FRAMEWORK_TYPE": ("int", 0, 16),
    "CHECK_MODEL": ("bool", 0, 0),
}
# Keys that other post-processors of the SDK read: CrnnPostProcess, Resnet50PostProcess and those of MindSpore's models.
_ELSEWHERE: dict[str, tuple[str, float, float]] = {
    "OBJECT_NUM": ("uint32", 0, 1000),
    "BLANK_INDEX": ("uint32", 0, 10_000),
    "WITH_ARGMAX": ("bool", 0, 0),
    "SOFTMAX": ("bool", 0, 0),
    "TOP_K": ("uint32", 0, 16),
}
_KNOWN = (*TYPES, *_ELSEWHERE, "RPN_MAX_NUM", "MAX_PER_IMG", "MASK_THREAD_BINARY", "MASK_SIZE", "NMS_THRESH", "STRIDES")
_MOST_CLASSES = {TEXT: 10_000, CLASSES: 2000}
"""CLASS_NUM of TextGenerationPostProcessBase::Init and Resnet50PostProcess::Init; 1000 elsewhere."""
_READ = {NEW: read_yolo_config, OLD: read_sdk2_yolov5, OLD_V3: read_sdk2_yolov3}
_SDK2_DEFAULTS = {
    "CLASS_NUM": sdk2_config.DEFAULT_CLASSES,
    "SCORE_THRESH": sdk2_config.DEFAULT_SCORE,
    "OBJECTNESS_THRESH": sdk2_config.DEFAULT_OBJECTNESS_V5,
    "IOU_THRESH": sdk2_config.DEFAULT_IOU,
}
_EXACT = {
    "uint32": re.compile(r"\+?[0-9]+"),
    "int": re.compile(r"[+-]?[0-9]+"),
    "float": re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "bool": re.compile(r"true|false", re.IGNORECASE),
}
_NUMBERS = re.compile(r"[-+0-9.,\s]+")
_SPACE = " \t\n\v\f\r"
At = Callable[[str], int]


def read_config(data: bytes, name: str) -> tuple[KeyValues | None, list[Finding]]:
    """A config file's bytes as the SDK reads them, None where it refuses; and what is wrong with the lines as such."""
    try:
        values = KeyValues.from_text(data, name)
    except SdkFault as fault:
        return None, [as_finding(fault, name)]
    findings = []
    if data.startswith(b"\xef\xbb\xbf"):
        findings.append(
            Finding(1, ERROR, "a byte order mark begins the file, and the SDK takes it for part of the first key")
        )
    for number, raw in enumerate(data.split(b"\n"), 1):
        text = raw.partition(b"#")[0].strip()
        if text and b"=" not in text:
            shown = text[:60].decode("utf-8", "replace")
            findings.append(Finding(number, WARNING, f"a line without = means nothing to the SDK: {shown!r}"))
    for key, line in values.repeated:
        sentence = f"{key} is set in line {values.lines[key]} already, and the SDK keeps the first"
        findings.append(Finding(line, WARNING, sentence))
    return values, findings


def config_findings(values: KeyValues, reader: str | None, line: int = 0) -> Iterator[Finding]:
    """What the keys and values of a config mean to its reader (None where no pipeline tells who reads it).

    `line` is where the config stands if it is no file of its own.
    """

    def at(key: str) -> int:
        return values.lines.get(key, line)

    sure = reader
    if reader is None:
        reader = _likely_reader(values)
    types = {**TYPES, **(_ELSEWHERE if reader in (TEXT, CLASSES, None) else {})}
    if reader in _MOST_CLASSES or reader is None:
        types["CLASS_NUM"] = ("uint32", 0, _MOST_CLASSES.get(reader or TEXT, 1000))
    for key in values.texts:
        yield from _key(key, at(key), reader, types)
        if reader == OTHER:
            yield from _list_cut(values, key, at(key))
        elif key in types:
            yield from _value(values, key, at(key), types[key])
    if sure is None and reader is None:
        yield Finding(line, NOTE, "no key of a YOLO post-processor, so that only the grammar was checked")
    if reader in _READ:
        yield from _refused(values, reader, at)
    if reader in (*_READ, YOLO):
        yield from _anchors(values, at)
    if reader in (OLD, OLD_V3):
        yield from _old(values, at)
    if reader == OLD:
        yield from _old_v5(values, at)


def _likely_reader(values: KeyValues) -> str | None:
    """Who reads a config that no pipeline names: its keys tell. A foreign library may have borrowed a few of YOLO's."""
    keys = set(values.texts)
    if "YOLO_VERSION" in keys:
        return NEW
    if "BIASES" in keys and keys & {"BIASES_NUM", "YOLO_TYPE", "ANCHOR_DIM"}:
        return YOLO
    if keys & {"OBJECT_NUM", "BLANK_INDEX", "WITH_ARGMAX"}:
        return TEXT
    return CLASSES if keys & {"SOFTMAX", "TOP_K"} and "CLASS_NUM" in keys else None


def _key(key: str, line: int, reader: str | None, types: Mapping[str, object]) -> Iterator[Finding]:
    clean = "".join(char for char in key if char.isprintable() and not char.isspace() and char != "\ufeff")
    if key in types:
        if reader == OLD and key == "SEPARATE_SCORE_THRESH":
            yield Finding(line, WARNING, f"{key} means nothing to mxpi_modelinfer's post-processor")
        return
    if clean in types:
        sentence = f"the key is {key!r}, with more around it than blanks, so the SDK does not find {clean}"
        yield Finding(line, WARNING if reader == OTHER else ERROR, sentence, NO_EXIST)
    elif not key:
        yield Finding(line, WARNING, "nothing stands before the =")
    elif reader != OTHER and key not in _KNOWN:
        close = did_you_mean(key, types)
        if close:
            yield Finding(line, WARNING, f"no post-processor reads the key {key}{close}")


def _list_cut(values: KeyValues, key: str, line: int) -> Iterator[Finding]:
    """ConfigData::GetFileValue<string> reads up to the first blank, whoever asks."""
    text = values.texts[key].strip(_SPACE)
    if "," in text and any(char in _SPACE for char in text) and _NUMBERS.fullmatch(text):
        shown, read = f"{key}={text}", values.string(key)[1]
        yield Finding(line, WARNING, f"{shown}: the SDK cuts a text at its first blank and reads {read!r}")


def _value(values: KeyValues, key: str, line: int, kind_and_limits: tuple[str, float, float]) -> Iterator[Finding]:
    """Whether the text is read as it looks."""
    kind, low, high = kind_and_limits
    text = values.texts[key]
    shown = f"{key}={text.strip(_SPACE)}"
    if not text.strip(_SPACE):
        yield Finding(line, ERROR, f"{key} has no value; the SDK keeps its default", INVALID_PARAM)
    elif kind == "list":
        code, numbers = values.numbers(key)
        if code != OK:
            sentence = f"{shown}: one item is no number, and so the SDK reads an empty list"
            yield Finding(line, ERROR, sentence, INVALID_PARAM)
        elif any(char in _SPACE for char in text.strip(_SPACE)):
            sentence = f"{shown}: the SDK cuts a list at its first blank and reads {len(numbers)} number(s)"
            yield Finding(line, ERROR, sentence, INVALID_PARAM)
        elif ",," in text or text.strip(_SPACE).endswith(","):
            yield Finding(line, WARNING, f"{shown}: the SDK skips empty items")
    elif kind == "string":
        if values.string(key)[1] != text.strip(_SPACE):
            yield Finding(line, WARNING, f"{shown}: the SDK reads up to the first blank, {values.string(key)[1]!r}")
    else:
        yield from _scalar(values, key, line, kind, low, high, shown)


def _scalar(
    values: KeyValues, key: str, line: int, kind: str, low: float, high: float, shown: str
) -> Iterator[Finding]:
    code, value, clamped = _read(values, key, kind, low, high)
    if code != OK:
        expected = {"bool": "true or false", "float": "a number"}.get(kind, "a whole number")
        yield Finding(line, ERROR, f"{shown}: it is {expected}; the SDK keeps its default", INVALID_PARAM)
    elif not _EXACT[kind].fullmatch(values.texts[key].strip(_SPACE)):
        yield Finding(line, WARNING, f"{shown}: the SDK reads {clamped}")
    elif value != clamped:
        sentence = f"{shown} lies outside {low:g} to {high:g}; the SDK takes {clamped} without a word"
        yield Finding(line, WARNING, sentence)


def _read(values: KeyValues, key: str, kind: str, low: float, high: float) -> tuple[int, object, object]:
    """(code, what the text says, what the SDK takes)."""
    if kind == "bool":
        code, truth = values.boolean(key, False)
        return code, truth, truth
    if kind == "float":
        code, number = values.number(key, 0.0)
        return code, number, values.number(key, 0.0, low, high)[1]
    if kind == "int":
        code, whole = values.integer(key, 0)
        return code, whole, values.integer(key, 0, int(low), int(high))[1]
    code, whole = values.uint32(key, 0)
    return code, whole, values.uint32(key, 0, int(low), int(high))[1]


def _refused(values: KeyValues, reader: str, at: At) -> Iterator[Finding]:
    """What the reader says when it starts."""
    try:
        _READ[reader](values)
    except SdkFault as fault:
        finding = as_finding(fault, values.name)
        named = [key for key in re.findall(r"[A-Z]+(?:_[A-Z]+)*", finding.sentence) if key in values.texts]
        # A list is looked for where it stands, not where its length does.
        key = next((key for key in named if key in ("BIASES", "MODEL_TYPE")), named[0] if named else "")
        cut = key and any(char in _SPACE for char in values.texts[key].strip(_SPACE))
        if not cut and fault.code != UNREALIZED:  # a list that a blank cuts has its own finding
            yield finding._replace(line=at(key))


def _old(values: KeyValues, at: At) -> Iterator[Finding]:
    for key, default in _SDK2_DEFAULTS.items():
        if key not in values.texts:
            severity = ERROR if key == "CLASS_NUM" else WARNING
            sentence = f"{key} is missing; mxpi_modelinfer's post-processor takes {default} without a word"
            yield Finding(at(key), severity, sentence)


def _old_v5(values: KeyValues, at: At) -> Iterator[Finding]:
    if values.integer("MODEL_TYPE", 0)[1] == 0:
        sentence = "MODEL_TYPE is 0: mxpi_modelinfer's post-processor then mixes up the axes of 5-D heads; write 1 or 2"
        yield Finding(at("MODEL_TYPE"), WARNING, sentence)
    if values.integer("RESIZE_FLAG", 0)[1]:
        sentence = "RESIZE_FLAG maps the boxes back twice, which is wrong unless image and network have one shape"
        yield Finding(at("RESIZE_FLAG"), WARNING, sentence)


def _anchors(values: KeyValues, at: At) -> Iterator[Finding]:
    _, levels = values.integer("YOLO_TYPE", 3, 0, 16)
    _, anchors = values.integer("ANCHOR_DIM", 3, 0, 16)
    _, count = values.uint32("BIASES_NUM", 18, 0, 100)
    if levels * anchors * 2 != count:
        sentence = (
            f"YOLO_TYPE={levels} outputs with ANCHOR_DIM={anchors} anchors need {levels * anchors * 2} numbers in "
            f"BIASES; BIASES_NUM says {count}"
        )
        yield Finding(at("BIASES_NUM"), ERROR, sentence)
    code, biases = values.numbers("BIASES")
    if code == OK and any(side <= 0 for side in biases):
        yield Finding(at("BIASES"), ERROR, "an anchor in BIASES has a side of 0 px or less")
