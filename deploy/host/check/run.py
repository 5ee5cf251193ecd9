"""Checks pipelines, post-processor configs, label files and AIPP files, and the files that the pipelines name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from compute_mAP.regular_file import read_bounded
from deploy.bundle import DESCRIPTION, open_bundle
from deploy.errors import ModelError, UsageError
from deploy.host.check.aipp_findings import aipp_findings
from deploy.host.check.config_rules import config_findings, read_config
from deploy.host.check.kinds import AIPP, CHECKED, CONFIG, LABELS, PIPELINE, kind_of
from deploy.host.check.label_rules import label_findings
from deploy.host.check.location_rules import location_findings
from deploy.host.check.model_rules import model_findings
from deploy.host.check.port_rules import port_findings
from deploy.host.check.postprocess_rules import postprocess_findings
from deploy.host.check.report import Report
from deploy.host.check.resize_rules import resize_findings
from deploy.host.check.sdk_rules import sdk_findings
from deploy.host.check.start_rules import start_findings
from deploy.host.check.stream_view import StreamView
from deploy.host.check.surroundings import MAX_BYTES, Surroundings
from deploy.host.check.wiring_rules import wiring_findings
from deploy.host.pipeline.findings import ERROR, Finding
from deploy.host.pipeline.read import read_pipeline
from deploy.sdk_codes import OPEN_FAIL
from deploy.wire.onnx_graph import OnnxGraph


def check(
    paths: Sequence[Path],
    folder: Path | None = None,
    sdk: str | None = None,
    plugins: Collection[str] | None = None,
) -> Report:
    """Check files, and of a folder every file of these kinds that lies in it.

    `folder` is where the streams are to run, which their relative paths start from: without it a bundle's own folder,
    else the current one. `sdk` asks for the findings of one SDK version too. `plugins` are the factories that an app
    brings with it; without them an unknown factory is a warning, except in a bundle, which brings none.

    Raises UsageError where a folder holds nothing to check; whatever is wrong with a file is a finding.
    """
    return _Check(folder, sdk, plugins).run(paths)


class _Check:
    def __init__(self, folder: Path | None, sdk: str | None, plugins: Collection[str] | None) -> None:
        self._folder = folder
        self._sdk = sdk
        self._plugins = plugins
        self._report = Report()
        self._found: dict[Path, list[Finding]] = {}
        self._read: set[tuple[Path, str | None]] = set()
        self._graphs: dict[Path, OnnxGraph | None] = {}
        self._alone: list[tuple[Path, bytes]] = []  # configs, which are judged by who reads them

    def run(self, paths: Sequence[Path]) -> Report:
        for path in paths:
            if path.is_dir():
                self._directory(path)
            else:
                self._file(path)
        for path, data in self._alone:
            if not any(read == path.resolve() for read, _ in self._read):
                self._config(path, data, None)
        return self._report

    def _directory(self, path: Path) -> None:
        files = sorted(file for file in path.iterdir() if file.suffix in CHECKED and file.is_file())
        if (path / DESCRIPTION).is_file():
            self._findings(path / DESCRIPTION, "bundle").extend(_bundle(path))
        elif not files:
            raise UsageError(f"{path} holds no file to check: no {', '.join(CHECKED)}")
        for file in sorted(files, key=lambda file: file.suffix != ".pipeline"):
            self._file(file)

    def _file(self, path: Path) -> None:
        try:
            data = read_bounded(path, MAX_BYTES)
        except OSError as error:
            self._findings(path, "unreadable").append(
                Finding(0, ERROR, f"cannot be read: {error.strerror or error}", OPEN_FAIL)
            )
            return
        self._one(path, kind_of(path, data), data, None)

    def _one(self, path: Path, kind: str, data: bytes, reader: str | None) -> None:
        if kind == CONFIG and reader is None:
            self._findings(path, kind)
            self._alone.append((path, data))
            return
        if (path.resolve(), reader) in self._read:
            return
        self._read.add((path.resolve(), reader))
        if kind == CONFIG:
            self._config(path, data, reader)
        elif kind == LABELS:
            self._add(path, kind, label_findings(data))
        elif kind == AIPP:
            self._aipp(path, data)
        else:
            self._pipeline(path, data)

    def _pipeline(self, path: Path, data: bytes) -> None:
        alone = (path.parent / DESCRIPTION).is_file() and self._plugins is None
        pipeline = read_pipeline(data, () if alone else self._plugins)
        findings = list(pipeline.findings)
        around = Surroundings(self._run_folder(path), self._sdk, graphs=self._graphs)
        for text in pipeline.streams:
            view = StreamView(text)
            findings += wiring_findings(view)
            findings += port_findings(view)
            findings += start_findings(view)
            findings += location_findings(view)
            findings += resize_findings(view, around)
            findings += model_findings(view, around)
            findings += postprocess_findings(view, around)
            if self._sdk is not None:
                findings += sdk_findings(view, self._sdk)
        self._add(path, PIPELINE, findings)
        for (named, kind, reader), content in around.followed.items():
            self._one(named, kind, content, reader)

    def _config(self, path: Path, data: bytes, reader: str | None) -> None:
        values, findings = read_config(data, str(path))
        if values is not None:
            findings += config_findings(values, reader)
        self._add(path, CONFIG, findings)

    def _aipp(self, path: Path, data: bytes) -> None:
        self._add(path, AIPP, aipp_findings(data, str(path))[1])

    def _run_folder(self, pipeline: Path) -> Path:
        if self._folder is not None:
            return self._folder
        return pipeline.parent if (pipeline.parent / DESCRIPTION).is_file() else Path()

    def _add(self, path: Path, kind: str, findings: Iterable[Finding]) -> None:
        """Add findings in the order of their lines, none twice."""
        known = self._findings(path, kind)
        known.extend(finding for finding in dict.fromkeys(findings) if finding not in known)
        known.sort(key=lambda finding: finding.line)

    def _findings(self, path: Path, kind: str) -> list[Finding]:
        key = path.resolve()
        if key not in self._found:
            self._found[key] = []
            self._report.files.append((str(path), kind, self._found[key]))
        return self._found[key]


def _bundle(folder: Path) -> list[Finding]:
    try:
        open_bundle(folder)
    except ModelError as fault:
        return [Finding(0, ERROR, str(fault))]
    return []
