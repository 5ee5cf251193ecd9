"""`doctor`: is there all that the detector needs, on a board or on this very machine?"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.board.contents import cann_of, chip_of
from deploy.board.facts import Facts
from deploy.board.findings import FAULT, OK, Finding, judge
from deploy.board.link import Link
from deploy.board.remote import probe
from deploy.bundle import open_bundle
from deploy.errors import EnvironmentFault

SCHEMA_VERSION = 1
HERE = "this machine"
DEFAULT_FOLDER = "ascend-yolo-slim-pushed"
"""The folder in the board user's home that push fills."""


@dataclass(frozen=True)
class Wanted:
    """What the user says about the board: set_env.sh files in place of those that are found, the interpreter in place
    of python3, the folder for what is pushed, all as paths there."""

    env: tuple[str, ...] | None = None
    python: str | None = None
    folder: str = DEFAULT_FOLDER


@dataclass(frozen=True)
class Examined:
    """The findings about a board, and the facts that they rest on."""

    where: str
    findings: list[Finding]
    facts: Facts

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == FAULT]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "where": self.where,
            "ready": not self.faults,
            "on": self.facts.on,
            "findings": [finding.to_json() for finding in self.findings],
        }

    def to_text(self) -> str:
        return "\n".join(lines(self.findings))

    def check(self) -> None:
        """Raises EnvironmentFault where there is a fault, naming the first."""
        if self.faults:
            first = self.faults[0]
            more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
            raise EnvironmentFault(f"{self.where} is not ready: {first.check}: {first.found}{more}; {first.remedy}")


def lines(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, and one for its remedy."""
    shown = []
    for finding in findings:
        shown.append(f"{finding.level:8}{finding.check:8}{finding.found}")
        if finding.level != OK:
            shown.append(f"{'':16}-> {finding.remedy}")
    return shown


def examine(link: Link, wanted: Wanted, soc: str | None = None, cann: str | None = None) -> Examined:
    """Ask a board; `soc` and `cann` as judge takes them.

    Raises EnvironmentFault for a connection that breaks or answers nonsense.
    """
    env = None if wanted.env is None else list(wanted.env)
    answer = link.ask("facts", env=env, python=wanted.python, root=wanted.folder)
    facts = Facts.from_answer(answer.get("facts"))
    return Examined(link.host, judge(facts, time.time(), soc, cann), facts)


def examine_here(wanted: Wanted, soc: str | None = None, cann: str | None = None) -> Examined:
    """Ask the machine that this runs on; `soc` and `cann` as judge takes them."""
    env = None if wanted.env is None else list(wanted.env)
    answer = probe.collect(env, wanted.python, wanted.folder)
    facts = Facts.from_answer(json.loads(json.dumps(answer)))
    return Examined(HERE, judge(facts, None, soc, cann), facts)


def doctor(host: str | None, options: Sequence[str], wanted: Wanted, bundle: Path | None = None) -> Examined:
    """Check a board over ssh, or without `host` this machine; `bundle` is a folder whose OM has to fit it.

    Raises ModelError for a faulty bundle, EnvironmentFault where there is no connection.
    """
    opened = None if bundle is None else open_bundle(bundle.absolute())
    made_for = (None, None) if opened is None else (chip_of(opened), cann_of(opened))
    if host is None:
        return examine_here(wanted, *made_for)
    with Link(host, options) as link:
        return examine(link, wanted, *made_for)
