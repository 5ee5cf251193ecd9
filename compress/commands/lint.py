"""lint: find what ATC, the SDK or the chip will not take, and rewrite what can be rewritten exactly."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from compress.commands.declare import Verbs, answer, verb
from deploy.errors import ModelError, UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "lint", lint, "find what ATC, the SDK or the chip will not take in a model or a bundle")
    parser.add_argument("model", type=Path, metavar="BUNDLE|ONNX", help="a bundle's folder, or an ONNX file")
    parser.add_argument(
        "--cann", default="5.0.4", metavar="VERSION", help="the CANN that converts (default: %(default)s)"
    )
    parser.add_argument("--soc", default="Ascend310", metavar="CHIP", help="the chip (default: %(default)s)")
    parser.add_argument(
        "--images", metavar="DIR", help="JPEG images to run for values beyond half precision (default: noise)"
    )
    parser.add_argument("--fix", action="store_true", help="rewrite what can be rewritten exactly, into --out")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the ONNX file that --fix writes")


def lint(options: argparse.Namespace) -> None:
    from compress.graph.graph_facts import GraphFacts
    from compress.graph.proof_images import proof_images
    from compress.lint.finding import ERROR, NOTE, WARNING
    from compress.lint.fix.apply import fix
    from compress.lint.run import lint as find
    from compress.lint.run import open_subject
    from compress.lint.subject import Subject
    from deploy.whole_file import write_whole

    _check(options)
    subject = open_subject(options.model, options.cann, options.soc)
    size = subject.image_size()
    images = proof_images(options.images, *size) if options.images and size else None
    findings, lines, result = find(subject, images), [], {}
    if options.fix:
        fixed = fix(subject.facts.model, subject.newest, subject.name)
        write_whole(options.out, fixed.model.SerializeToString())
        after = Subject(GraphFacts(fixed.model), str(options.out), options.cann, options.soc)
        findings = find(after, images)
        lines = [f"fixed: {sentence}" for sentence in fixed.done] + [f"not fixed: {s}" for s in fixed.refused]
        lines.append(f"both models agree within {fixed.difference:.1e} of the outputs' scale; wrote {options.out}")
        result = {
            "out": str(options.out),
            "fixed": fixed.done,
            "not_fixed": fixed.refused,
            "difference": fixed.difference,
        }
    counts = {severity: sum(f.severity == severity for f in findings) for severity in (ERROR, WARNING, NOTE)}
    summary = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items())
    result.update({f"{word}s": count for word, count in counts.items()})
    result["findings"] = [finding._asdict() for finding in findings]
    lines += [finding.to_text() for finding in findings]
    answer(options, {"model": subject.name, **result}, "\n".join([*lines, summary]))
    sys.stdout.flush()
    if counts[ERROR]:
        raise ModelError(f"{options.out if options.fix else options.model}: {summary}")


def _check(options: argparse.Namespace) -> None:
    if options.fix != (options.out is not None):
        raise UsageError("--fix and --out go together: the rewritten model is another file")
    if options.out is not None and options.out.suffix != ".onnx":
        raise UsageError(f"--out is {options.out}, expected a file that ends in .onnx")
    if options.out is not None and options.out.exists():
        sources = (options.model, options.model / "model.onnx")
        if any(source.exists() and source.samefile(options.out) for source in sources):
            raise UsageError(f"--out is {options.out}, the very model to rewrite; expected another file")
