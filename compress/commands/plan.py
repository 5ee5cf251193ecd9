"""plan: compare what two prunings keep."""

from __future__ import annotations

from dataclasses import dataclass

from compress.option import Settings, option
from compress.verb import Answer, Verb


@dataclass(frozen=True, kw_only=True)
class DiffSettings(Settings):
    first: str = option(metavar="FIRST", place=True, help="a plan, such as prune writes beside its checkpoint")
    second: str = option(metavar="SECOND", place=True, help="another plan")


def difference(settings: DiffSettings) -> Answer:
    from compress.prune.plan import read_plan
    from compress.report.plan_table import difference_table, plan_difference

    entries = plan_difference(read_plan(settings.first), read_plan(settings.second))
    return Answer({"differences": entries}, difference_table(entries))


VERB = Verb("plan diff", "show the layers in which two plans keep other channels", DiffSettings, difference)
