"""plan: compare what two prunings keep."""

from __future__ import annotations

import argparse

from compress.commands.declare import Verbs, answer, verb


def add(verbs: Verbs) -> None:
    plan = verbs.add_parser("plan", help="compare pruning plans", description="Compare pruning plans.")
    kinds = plan.add_subparsers(title="plan verbs", metavar="VERB", required=True)
    parser = verb(kinds, "diff", difference, "show the layers in which two plans keep other channels")
    parser.add_argument("first", metavar="FIRST", help="a plan, such as prune writes beside its checkpoint")
    parser.add_argument("second", metavar="SECOND", help="another plan")


def difference(options: argparse.Namespace) -> None:
    from compress.prune.plan import read_plan
    from compress.report.plan_table import difference_table, plan_difference

    entries = plan_difference(read_plan(options.first), read_plan(options.second))
    answer(options, {"differences": entries}, difference_table(entries))
