""".pipeline files: JSON text to validated streams, by the rules of the SDK's MxStreamManager.

`read_pipeline` finds all that is wrong, for `deploy check`; `parse_pipeline` ends with the first fault, for the engine.
Both say of a file what the board says, also of plugins that only a board runs: whether a stream runs here is decided
when its plugins are made.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field

from deploy.host.description import Stream
from deploy.host.element_text import ElementText, read_element
from deploy.host.findings import ERROR, NOTE, WARNING, Finding
from deploy.host.json_text import JsonFault, Member, Node, parse_json
from deploy.host.links import link_faults, linked
from deploy.host.nearest import did_you_mean
from deploy.sdk_codes import INVALID_CONFIG, SdkFault

MAX_BYTES = 10 * 2**20
MAX_KEYS = 256  # of one stream
MAX_ELEMENTS = 5120  # of one text
STREAM_CONFIG = "stream_config"

log = logging.getLogger("deploy.host")


@dataclass
class StreamText:
    """A stream as it is written: its elements by name, in the file's order. `stream` is None where it is faulty."""

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


def read_pipeline(text: str | bytes) -> PipelineText:
    """Read a text as far as it can be understood. Raises nothing."""
    pipeline = PipelineText()
    findings = pipeline.findings
    size = len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_BYTES:
        sentence = f"the pipeline text has {size} bytes; the SDK takes 1 byte to 10 MiB"
        findings.append(Finding(0, ERROR, sentence, INVALID_CONFIG))
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
    pipeline.streams = [_stream(member, findings) for member in document.last().values()]
    count = sum(len(entry.elements) for entry in pipeline.streams)
    if count > MAX_ELEMENTS:
        sentence = f"the pipeline has {count} elements; the SDK takes {MAX_ELEMENTS}"
        findings.insert(0, Finding(0, ERROR, sentence, INVALID_CONFIG))
    return pipeline


def _stream(member: Member, findings: list[Finding]) -> StreamText:
    name, entry = member.key, member.node
    text = StreamText(name, member.line)
    before = len(findings)
    if entry.members is None:
        findings.append(
            Finding(member.line, ERROR, f"stream {name} is {entry.kind}; it is an object of elements", INVALID_CONFIG)
        )
        return text
    keys = entry.last()
    if len(keys) > MAX_KEYS:
        sentence = f"stream {name} has {len(keys)} keys; the SDK takes {MAX_KEYS}"
        findings.append(Finding(member.line, ERROR, sentence, INVALID_CONFIG))
        return text
    findings.extend(_repeated(entry, f"stream {name}"))
    for key, found in keys.items():
        if found.node.members is None:
            sentence = f"{name}.{key} is {found.node.kind}; it is an object"
            findings.append(Finding(found.line, ERROR, sentence, INVALID_CONFIG))
    if STREAM_CONFIG in keys and keys[STREAM_CONFIG].node.members is not None:
        text.device = _device(name, keys[STREAM_CONFIG], findings)
    for key, found in keys.items():
        if key == STREAM_CONFIG or found.node.members is None:
            continue
        if "factory" in found.node.last():
            text.elements[key] = read_element(name, found, text.device, findings)
        else:
            sentence = f"{name}.{key}: an object without a factory is no element, and the SDK skips it"
            findings.append(Finding(found.line, WARNING, sentence))
    if not text.elements:
        findings.append(Finding(member.line, ERROR, f"stream {name} has no elements", INVALID_CONFIG))
    findings.extend(link_faults(name, text.elements))
    if not any(finding.severity == ERROR and finding.code for finding in findings[before:]):
        text.stream = Stream(name, linked(text.elements, text.device), text.device)
    return text


def _device(stream: str, member: Member, findings: list[Finding]) -> str:
    """stream_config.deviceId, or "0" where it is missing or no device."""
    device = "0"
    for key, found in member.node.last().items():
        if key != "deviceId":
            sentence = f'{stream}.{STREAM_CONFIG}: the SDK knows no key "{key}"{did_you_mean(key, ["deviceId"])}'
            findings.append(Finding(found.line, WARNING, sentence))
            continue
        value = found.node.plain()
        if isinstance(value, str) and value.isascii() and value.isdigit():
            device = value
        else:
            sentence = f'{stream}.{STREAM_CONFIG}: deviceId is {json.dumps(value)}; it is a string like "0"'
            findings.append(Finding(found.line, ERROR, sentence, INVALID_CONFIG))
    return device


def _repeated(node: Node, where: str) -> list[Finding]:
    """A finding for each key that comes twice in an object or in one inside it. The SDK lets the last one win."""
    findings = [
        Finding(
            later.line,
            ERROR,
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
