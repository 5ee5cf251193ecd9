"""What lint says of a model: which rule, how bad, where, what was found and what to do."""

from __future__ import annotations

from typing import NamedTuple

from deploy.host.pipeline.findings import ERROR, NOTE, WARNING

__all__ = ["ERROR", "NOTE", "WARNING", "Finding"]


class Finding(NamedTuple):
    """`rule` is the finding's lasting id; `severity` "error" (ATC or the SDK refuses, or results are wrong), "warning"
    or "note" (speed). `fixable` says that --fix has an exact rewriting."""

    rule: str
    severity: str
    place: str
    sentence: str
    remedy: str
    fixable: bool = False

    def to_text(self) -> str:
        return f"{self.severity}: {self.rule}: {self.place}: {self.sentence}. What to do: {self.remedy}"
