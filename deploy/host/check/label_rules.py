"""What is wrong with a label file: the SDK reads almost anything, so the traps are silent."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding
from deploy.postprocess.labels import numbered_labels
from deploy.sdk_codes import INVALID_PARAM


def label_findings(data: bytes) -> Iterator[Finding]:
    """All findings in a label file's bytes."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        sentence = f"the byte 0x{data[error.start]:02x} is not UTF-8; class names must be"
        yield Finding(line, ERROR, sentence, INVALID_PARAM)
        return
    if text.startswith("\ufeff"):
        yield Finding(1, ERROR, "a byte order mark begins the file, and the SDK takes it for part of the first name")
    labels = list(numbered_labels(text))
    if not labels:
        yield Finding(0, ERROR, "no class name; expected one a line")
    skipped = (labels[0][0] if labels else text.count("\n") + 1) - 1
    for line in range(1, skipped + 1):
        shown = text.split("\n", line)[line - 1].rstrip("\r")
        what = "comment" if shown.startswith("#") else "name, for its second character is #"
        severity = NOTE if shown.startswith("#") else WARNING
        yield Finding(line, severity, f"the SDK skips this {what}: {shown[:60]!r}")
    seen: dict[str, int] = {}
    for index, (line, label) in enumerate(labels):
        yield from _one(index, line, label)
        if label in seen and label.strip():
            yield Finding(line, WARNING, f"class {index} has the name of the class in line {seen[label]}: {label!r}")
        seen.setdefault(label, line)


def _one(index: int, line: int, label: str) -> Iterator[Finding]:
    if not label.strip():
        carriage = " (of carriage returns, which then stay in the name)" if "\r" in label else ""
        yield Finding(line, WARNING, f"a blank line{carriage}: the SDK gives class {index} a blank name")
    elif label != label.strip():
        yield Finding(line, WARNING, f"blanks beside a name stay part of it: {label!r}")
    elif label.startswith("#"):
        yield Finding(line, NOTE, f"only on top is # a comment; here it is the name of class {index}: {label!r}")
    elif any(ord(char) < 0x20 for char in label):
        yield Finding(line, WARNING, f"a control character in the name of class {index}: {label!r}")
