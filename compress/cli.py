"""The command line of `python -m compress`, derived from its verbs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from compress.commands import demo, run
from compress.commands.derive import add_verb, settings_of
from compress.commands.printing import print_answer
from compress.failure import report_failure
from compute_mAP.channels import open_closed_channels

VERBS = (*run.STAGE_VERBS, run.VERB, demo.VERB)  # in the order of --help
_FAMILIES = {"data": "make or convert data sets", "plan": "compare pruning plans"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 done, 1 failed, 2 usage, 3 data, 4 model, 5 environment, 130 Ctrl-C)."""
    open_closed_channels()
    given = parser().parse_args(arguments)
    try:
        answer = given.verb.run(settings_of(given.verb, given))
        if answer:
            print_answer(answer, given.json)
    except KeyboardInterrupt:
        print("interrupted; a training goes on from its last whole epoch with --resume", file=sys.stderr)
        return 130
    except Exception as error:
        return report_failure(error)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line of all verbs."""
    parser = argparse.ArgumentParser(prog="python -m compress", description="Compress a YOLO detector.")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    families = {}
    for verb in VERBS:
        family, inner, _ = verb.name.partition(" ")
        if inner and family not in families:
            about = _FAMILIES[family]
            outer = verbs.add_parser(family, help=about, description=f"{about[0].upper()}{about[1:]}.")
            families[family] = outer.add_subparsers(title=f"{family} verbs", metavar="VERB", required=True)
        add_verb(families[family] if inner else verbs, verb)
    return parser
