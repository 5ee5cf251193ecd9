"""lint: find what ATC, the SDK or the chip will not take, and rewrite what can be rewritten exactly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.cost.chips import DEFAULT_SOC
from compress.lint.finding import ERROR, NOTE, WARNING, Finding
from compress.option import Settings, option
from compress.out_file import check_out_file
from compress.verb import Answer, Verb
from deploy.errors import ModelError, UsageError


@dataclass(frozen=True, kw_only=True)
class LintSettings(Settings):
    model: Path = option(kind=Path, metavar="BUNDLE|ONNX", place=True, help="a bundle's folder, or an ONNX file")
    cann: str = option("5.0.4", metavar="VERSION", help="the CANN that converts")
    soc: str = option(DEFAULT_SOC, metavar="CHIP", help="the chip")
    images: str | None = option(
        None, metavar="DIR", help="JPEG images to run for values beyond half precision (default: noise)"
    )
    fix: bool = option(False, help="rewrite what can be rewritten exactly, into --out")
    out: Path | None = option(None, kind=Path, metavar="FILE", help="the ONNX file that --fix writes")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fix != (self.out is not None):
            raise UsageError("--fix and --out go together: the rewritten model is another file")
        if self.out is not None:
            check_out_file("--out", self.out, ".onnx", [self.model, self.model / "model.onnx"])


def lint(settings: LintSettings) -> Answer:
    from compress.graph.graph_facts import GraphFacts
    from compress.graph.proof_images import proof_images
    from compress.lint.fix.apply import FLOAT_FIRST, fix
    from compress.lint.run import lint as find
    from compress.lint.run import lint_both, open_subject
    from compress.lint.subject import Subject
    from deploy.whole_file import write_whole

    try:
        subject = open_subject(settings.model, settings.cann, settings.soc)
    except ModelError as fault:  # a report all the same, for who reads it by program
        remedy = "export the model again, or name the file that it should be"
        return _answer(
            str(settings.model), [Finding("file", ERROR, str(settings.model), str(fault), remedy)], {}, [], fault
        )
    size = subject.image_size()
    images = proof_images(settings.images, *size) if settings.images and size else None
    findings, lines = lint_both(subject, images), []
    result: dict[str, Any] = {}
    if settings.out:
        try:
            if subject.bundle is not None and subject.bundle.quantization:
                raise ModelError(f"{settings.model} is an int8 bundle; {FLOAT_FIRST}")
            fixed = fix(subject.facts.model, subject.newest, subject.name)
        except ModelError as refusal:
            result = {"out": None, "fixed": [], "not_fixed": [str(refusal)]}
            return _answer(subject.name, findings, result, [f"not fixed: {refusal}"], refusal)
        write_whole(settings.out, fixed.model.SerializeToString())
        after = Subject(GraphFacts(fixed.model), str(settings.out), settings.cann, settings.soc)
        findings = find(after, images)
        lines = [f"fixed: {sentence}" for sentence in fixed.done] + [f"not fixed: {s}" for s in fixed.refused]
        lines.append(f"both models agree within {fixed.difference:.1e} of the outputs' scale; wrote {settings.out}")
        result = {
            "out": str(settings.out),
            "fixed": fixed.done,
            "not_fixed": fixed.refused,
            "difference": fixed.difference,
        }
    return _answer(subject.name, findings, result, lines, None, settings.out or settings.model)


def _answer(
    name: str,
    findings: list[Finding],
    result: dict[str, Any],
    lines: list[str],
    fault: ModelError | None,
    judged: Path | None = None,
) -> Answer:
    counts = {severity: sum(f.severity == severity for f in findings) for severity in (ERROR, WARNING, NOTE)}
    summary = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items())
    numbers = {f"{word}s": count for word, count in counts.items()}
    report = {"model": name, **result, **numbers, "findings": [finding._asdict() for finding in findings]}
    if fault is None and counts[ERROR]:
        fault = ModelError(f"{judged}: {summary}")
    return Answer(report, "\n".join([*lines, *(finding.to_text() for finding in findings), summary]), fault)


VERB = Verb("lint", "find what ATC, the SDK or the chip will not take in a model or a bundle", LintSettings, lint)
