"""A verb of `python -m compress`: its options, what does it, and what it answers. Verbs are run by the command line
and by chains of stages alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compress.option import Option, options_of
from deploy.errors import ReportedError


@dataclass(frozen=True)
class Answer:
    """What came of a verb: `result` for `--json`, `text` for people, and the fault that it found, if it is to fail."""

    result: dict[str, Any]
    text: str
    fault: ReportedError | None = None


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        name: its words, such as "data voc2yolo".
        about: a line for `--help`.
        settings: the dataclass that holds its options.
        run: does it; imports what it needs itself, because torch alone costs seconds. Of several processes one alone
            answers. None for a verb of `run.sh`.
        together: whether all processes of torchrun do it together: it is a training.
    """

    name: str
    about: str
    settings: type
    run: Callable[[Any], Answer | None] | None
    together: bool = False

    @property
    def options(self) -> dict[str, Option]:
        """Its options by name."""
        return options_of(self.settings)
