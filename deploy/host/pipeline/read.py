""".pipeline files: JSON text to validated streams, by the rules of the SDK's MxStreamManager.

`read_pipeline` finds all that is wrong, for `deploy check`; `parse_pipeline` ends with the first fault, for the engine.
Both say of a file what the board says, also of plugins that only a board runs: whether a stream runs here is decided
when its plugins are made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from deploy.host.log import log
from deploy.host.pipeline.description import Stream
from deploy.host.pipeline.element_text import ElementText, read_element
from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding
from deploy.host.pipeline.json_text import JsonFault, Member, Node, parse_json
from deploy.host.pipeline.links import link_faults, linked
from deploy.sdk_codes import INVALID_CONFIG, INVALID_PARAM, SdkFault
from deploy.wording import did_you_mean

MAX_BYTES = 10 * 2**20
MAX_STREAMS = 256
MAX_ELEMENTS = 5120  # of one stream
STREAM_CONFIG = "stream_config"


@dataclass
class StreamText:
    """A stream as it is written: its elements by name, in the file's order.

    `stream` is None where it is faulty or has an element of an unknown factory.
    """

    name: str
    line: int
    device: str = "0"
    elements: dict[str, ElementText] = field(default_factory=dict)
    stream: Stream | None = None


@dataclass
class PipelineText:
    """All streams of a file, and all that was found, in the order in which it was looked for."""

    streams: list[StreamText] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def parse_pipeline(text: str | bytes) -> list[Stream]:
    """All streams of a text. Raises SdkFault with the SDK's code and a sentence that names line, stream and element.

    What the SDK only warns about, or passes over where it is surely a mistake (a key that comes twice), is logged.
    """
    pipeline = read_pipeline(text)
    for finding in pipeline.findings:
        sentence = f"line {finding.line}: {finding.sentence}" if finding.line else finding.sentence
        if finding.severity == ERROR and finding.code:
            raise SdkFault(finding.code, sentence)
    for finding in pipeline.findings:
        if finding.severity != NOTE:
            log.warning("the pipeline, line %d: %s", finding.line, finding.sentence)
    return [entry.stream for entry in pipeline.streams if entry.stream is not None]


def read_pipeline(text: str | bytes, plugins: Collection[str] | None = ()) -> PipelineText:
    """Read a text as far as it can be understood. Raises nothing.

    An unknown factory is an error unless it is one of `plugins`; with None, where nobody said what plugins an app has
    of its own, it is a warning.
    """
    pipeline = PipelineText()
    findings = pipeline.findings
    size = len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    if not 1 <= size < MAX_BYTES:
        sentence = f"the pipeline text has {size} bytes; the SDK takes 1 byte to less than 10 MiB"
        findings.append(Finding(0, ERROR, sentence, INVALID_PARAM))
        return pipeline
    try:
        document = parse_json(text)
    except JsonFault as fault:
        sentence = f"the pipeline is not JSON: column {fault.column}: {fault.reason}"
        findings.append(Finding(fault.line, ERROR, sentence, INVALID_CONFIG))
        return pipeline
    if not document.members:
        findings.append(Finding(document.line, ERROR, "the pipeline is not a JSON object of streams", INVALID_CONFIG))
        return pipeline
    findings.extend(_repeated(document, "the pipeline"))
    findings.extend(_unfit_texts(document))
    streams = document.last()
    if len(streams) > MAX_STREAMS:
        sentence = f"the pipeline has {len(streams)} streams; the SDK takes {MAX_STREAMS}"
        findings.append(Finding(document.line, ERROR, sentence, INVALID_CONFIG))
        return pipeline
    pipeline.streams = [_stream(member, findings, plugins) for member in streams.values()]
    return pipeline


def _stream(member: Member, findings: list[Finding], plugins: Collection[str] | None) -> StreamText:
    name, entry = member.key, member.node
    text = StreamText(name, member.line)
    before = len(findings)
    if entry.members is None:
        findings.append(
            Finding(member.line, ERROR, f"stream {name} is {entry.kind}; it is an object of elements", INVALID_PARAM)
        )
        return text
    keys = entry.last()
    if len(keys) > MAX_ELEMENTS:
        sentence = f"stream {name} has {len(keys)} elements; the SDK takes {MAX_ELEMENTS}"
        findings.append(Finding(member.line, ERROR, sentence, INVALID_CONFIG))
        return text
    findings.extend(_repeated(entry, f"stream {name}"))
    for key, found in keys.items():
        if found.node.members is None:
            sentence = f"{name}.{key} is {found.node.kind}; it is an object"
            findings.append(Finding(found.line, ERROR, sentence, INVALID_CONFIG))
    device: str | None = None
    if STREAM_CONFIG in keys and keys[STREAM_CONFIG].node.members is not None:
        device = _device(name, keys[STREAM_CONFIG], findings)
        text.device = device or text.device
    read = {}
    for key, found in sorted(keys.items()):  # the SDK's order, in which the first fault gives the code
        if key == STREAM_CONFIG or found.node.members is None:
            continue
        if "factory" in found.node.last():
            read[key] = read_element(name, found, device, findings, plugins)
        else:
            sentence = f"{name}.{key}: it has no factory; the SDK's check skips it, its creation ends with 6014"
            findings.append(Finding(found.line, ERROR, sentence))
    text.elements = {key: read[key] for key in keys if key in read}
    if not text.elements:
        code = INVALID_CONFIG if keys else INVALID_PARAM  # MxStreamManagerDptr::CreateSingleStream
        findings.append(Finding(member.line, ERROR, f"stream {name} has no elements", code))
    findings.extend(link_faults(name, text.elements))
    faulty = any(finding.severity == ERROR and finding.code for finding in findings[before:])
    if not faulty and all(element.known for element in text.elements.values()):
        text.stream = Stream(name, linked(text.elements, text.device), text.device)
    return text


def _device(stream: str, member: Member, findings: list[Finding]) -> str | None:
    """stream_config.deviceId, or None where it is missing or no device."""
    device = None
    for key, found in member.node.last().items():
        if key != "deviceId":
            sentence = f'{stream}.{STREAM_CONFIG}: the SDK knows no key "{key}"{did_you_mean(key, ["deviceId"])}'
            findings.append(Finding(found.line, WARNING, sentence))
            continue
        value = found.node.plain()
        if isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,8}", value, re.ASCII):
            device = value
        else:
            sentence = f'{stream}.{STREAM_CONFIG}: deviceId is {json.dumps(value)}; it is a string like "0"'
            findings.append(Finding(found.line, ERROR, sentence, INVALID_PARAM))
    return device


def _repeated(node: Node, where: str) -> list[Finding]:
    """A finding for each key that comes twice in an object or in one inside it. The SDK lets the last one win."""
    findings = [
        Finding(
            later.line,
            WARNING,
            f'{where}: the key "{later.key}" stands in line {earlier.line} already; the SDK keeps the last one',
        )
        for earlier, later in node.repeated()
    ]
    if where != "the pipeline":  # the streams look into themselves
        for inner in node.members or ():
            findings.extend(_repeated(inner.node, f"{where}, {inner.key}"))
    for item in node.items or ():
        findings.extend(_repeated(item, where))
    return findings


def _unfit_texts(node: Node, where: str = "") -> Iterator[Finding]:
    """Keys and texts that StringUtils::HasInvalidChar takes for damage: two blanks in a row, some controls."""
    for member in node.members or ():
        inner = f"{where}.{member.key}" if where else member.key
        if _unfit(member.key) or _unfit(member.node.value):
            sentence = f"{inner}: the key or its text has two blanks in a row or a control character"
            yield Finding(member.line, ERROR, sentence, INVALID_CONFIG)
        yield from _unfit_texts(member.node, inner)
    for item in node.items or ():
        if _unfit(item.value):
            sentence = f'{where}: "{item.value}" has two blanks in a row or a control character'
            yield Finding(item.line, ERROR, sentence, INVALID_CONFIG)
        yield from _unfit_texts(item, where)


def _unfit(text: object) -> bool:
    return isinstance(text, str) and re.search("  |[\x08-\x0d\x7f]", text) is not None
