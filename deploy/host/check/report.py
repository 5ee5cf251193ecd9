"""The result of a check: all findings, as lines or as one JSON object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deploy.errors import ModelError
from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding


@dataclass
class Report:
    """`files` are (name, kind, findings) in the order of the arguments, then those that the pipelines name."""

    files: list[tuple[str, str, list[Finding]]] = field(default_factory=list)

    def count(self, severity: str) -> int:
        return sum(finding.severity == severity for _, _, findings in self.files for finding in findings)

    def to_text(self) -> str:
        """A line a finding: FILE:LINE: severity: sentence; what concerns a file as a whole has line 1.

        A name in a file may hold the end of a line: it is written as an escape.
        """
        lines = []
        for name, _, findings in self.files:
            lines += [f"{name}:{max(one.line, 1)}: {one.severity}: {one.sentence}" for one in findings]
        return "\n".join(line.replace("\n", "\\u000a").replace("\r", "\\u000d") for line in lines)

    def to_json(self) -> dict[str, Any]:
        findings = [
            {
                "file": name,
                "line": max(one.line, 1),
                "severity": one.severity,
                "code": one.code,
                "sentence": one.sentence,
            }
            for name, _, found in self.files
            for one in found
        ]
        return {
            "schema_version": 1,
            "files": [{"file": name, "kind": kind} for name, kind, _ in self.files],
            "errors": self.count(ERROR),
            "warnings": self.count(WARNING),
            "notes": self.count(NOTE),
            "findings": findings,
        }

    def summary(self) -> str:
        counts = [(self.count(severity), severity) for severity in (ERROR, WARNING, NOTE)]
        found = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
        return f"{len(self.files)} file{'' if len(self.files) == 1 else 's'}: {found}"

    def raise_errors(self) -> None:
        """Raises ModelError, hence exit code 4, where there is an error."""
        if self.count(ERROR):
            raise ModelError(self.summary())
