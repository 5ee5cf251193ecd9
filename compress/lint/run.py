"""Runs every rule over a model or a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from compress.graph.graph_facts import GraphFacts
from compress.graph.load import load_onnx
from compress.lint import bundle_rules, graph_rules, half_rules, head_rules, int8_rules, vision_rules
from compress.lint.finding import ERROR, NOTE, WARNING, Finding
from compress.lint.subject import Subject
from deploy.atc.cann import check_soc
from deploy.bundle import DEPLOY_MODEL, MODEL, OM, open_bundle
from deploy.errors import ModelError

_RULES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    graph_rules.opset,
    graph_rules.imports,
    graph_rules.functions,
    graph_rules.operators,
    graph_rules.shapes,
    graph_rules.axes,
    graph_rules.resizing,
    graph_rules.names,
    head_rules.types,
    head_rules.raw,
    head_rules.strides,
    vision_rules.image,
    vision_rules.aipp,
    half_rules.weights,
    int8_rules.quantisers,
    int8_rules.whole_layers,
    int8_rules.pairs,
    bundle_rules.files,
    bundle_rules.anchors,
    bundle_rules.chip,
    vision_rules.focus,
    vision_rules.channels,
    graph_rules.identities,
)
_ORDER = (ERROR, WARNING, NOTE)


def open_subject(path: Path, cann: str, soc: str) -> Subject:
    """A bundle's folder or an ONNX file. Raises ModelError for what is neither, UsageError for a wrong cann or soc."""
    bundle = open_bundle(path, ignore=(OM,)) if path.is_dir() else None
    file = path if bundle is None else path / MODEL
    subject = Subject(GraphFacts(load_onnx(file)), str(file), cann, check_soc(soc), bundle)
    assert subject.newest
    return subject


def lint_both(subject: Subject, images: np.ndarray | None = None) -> list[Finding]:
    """As `lint`; of an int8 bundle both forms, each finding once."""
    findings = lint(subject, images)
    if subject.bundle is not None and subject.bundle.quantization:
        file = subject.bundle.folder / DEPLOY_MODEL
        deploy = replace(subject, facts=GraphFacts(load_onnx(file)), name=str(file))
        findings += [finding for finding in lint(deploy, images) if finding not in findings]
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))


def lint(subject: Subject, images: np.ndarray | None = None, activations: bool = True) -> list[Finding]:
    """All findings, errors first. `images` are float32 [n, 3, H, W] in 0..1; without them the model runs on noise.

    A model that does not run is a finding as well.
    """
    findings = [finding for rule in _RULES for finding in rule(subject)]
    if activations:
        try:
            findings += half_rules.activations(subject, images)
        except ModelError as fault:
            findings.append(
                Finding("runs", ERROR, subject.name, str(fault), "export it again and see onnxruntime's words")
            )
    return sorted(dict.fromkeys(findings), key=lambda finding: _ORDER.index(finding.severity))
