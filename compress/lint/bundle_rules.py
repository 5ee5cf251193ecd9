"""Rules about a bundle's other files: what `deploy check` finds in them, and what does not suit the model."""

from __future__ import annotations

import json
from collections.abc import Iterator

from compress.lint.finding import ERROR, NOTE, WARNING, Finding
from compress.lint.subject import Subject
from deploy.errors import ReportedError
from deploy.host.check.run import check
from deploy.postprocess.key_values import KeyValues


def files(subject: Subject) -> Iterator[Finding]:
    if subject.bundle is None:
        return
    for name, kind, findings in check([subject.bundle.folder]).files:
        for one in findings:
            remedy = "nothing, it is only told" if one.severity == NOTE else "correct it, or export the bundle again"
            yield Finding(kind, one.severity, f"{name}:{max(one.line, 1)}", one.sentence, remedy)


def anchors(subject: Subject) -> Iterator[Finding]:
    """BIASES against the anchors that the exporter wrote into the model."""
    if subject.bundle is None:
        return
    written = {entry.key: entry.value for entry in subject.facts.model.metadata_props}.get("anchors")
    try:
        expected = [float(side) for level in json.loads(written or "") for anchor in level for side in anchor]
    except (ValueError, TypeError):
        return
    for file in sorted(subject.bundle.folder.glob("*.cfg")):
        try:
            values = KeyValues.from_file(file)
        except ReportedError:
            continue
        if "BIASES" in values.texts:
            _, found = values.numbers("BIASES")
            far = (abs(a - b) > 0.01 for a, b in zip(found, expected, strict=False))
            if len(found) != len(expected) or any(far):
                sentence = f"BIASES are {found[:6]}..., the model was trained with {expected[:6]}..."
                remedy = "write the model's anchors into BIASES, or export the bundle again"
                yield Finding("config-anchors", ERROR, str(file), sentence, remedy)


def chip(subject: Subject) -> Iterator[Finding]:
    if subject.bundle is None:
        return
    for entry in subject.bundle.atc:
        option, _, soc = entry.partition("=")
        if option == "--soc_version" and soc != subject.soc:
            sentence = f"the bundle's ATC command is for {soc}, not for {subject.soc}"
            place = str(subject.bundle.folder / "bundle.json")
            yield Finding("soc", WARNING, place, sentence, f"bash build.sh BUNDLE --soc {subject.soc}")
