"""The command line of `python -m compress`, derived from its verbs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from compress.commands import demo, iterate, quantize, report, run, search
from compress.commands.derive import add_verb, settings_of
from compress.commands.printing import print_answer
from compress.failure import missing_package
from compute_mAP.channels import open_closed_channels
from compute_mAP.terminal import plain_output
from deploy.console import UNTOUCHED, exit_code

VERBS = (*run.STAGE_VERBS, run.VERB, report.VERB, demo.VERB)  # in the order of --help
_FAMILIES = {"data": "make or convert data sets", "plan": "compare pruning plans"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 done, 1 failed, 2 usage, 3 data, 4 model, 5 environment, 130 Ctrl-C)."""
    open_closed_channels()
    with plain_output():
        given = parser().parse_args(_two_sides_as_one(sys.argv[1:] if arguments is None else arguments))
        return exit_code(lambda: _run(given), _interrupted(given))


def _two_sides_as_one(arguments: Sequence[str]) -> list[str]:
    """`--imgsz 384 640` with its two numbers in one word, so that the option itself says that inputs are square."""
    words = list(arguments)
    for place in reversed([place for place, word in enumerate(words) if word == "--imgsz"]):
        sides = words[place + 1 : place + 3]
        if len(sides) == 2 and all(side.isdecimal() for side in sides):
            words[place + 1 : place + 3] = [" ".join(sides)]
    return words


def _run(given: argparse.Namespace) -> None:
    try:
        answer = given.verb.run(settings_of(given.verb, given))
    except ModuleNotFoundError as error:
        raise missing_package(error) or error from None
    if answer:
        print_answer(answer, given.json)


def _interrupted(given: argparse.Namespace) -> str:
    """What Ctrl-C leaves of a verb."""
    if given.verb in (iterate.VERB, run.VERB, demo.VERB):
        return "the same command goes on: stages that are done stay done, a training continues at its last whole epoch"
    if given.verb is search.VERB:
        return "every candidate that was scored is in the journal: the search goes on with --resume"
    if given.verb is quantize.VERB:
        return f"{UNTOUCHED}; blocks that have learnt are kept, and the same command goes on with the next one"
    if "resume" in given.verb.options:
        return "a training goes on from its last whole epoch with --resume"
    return UNTOUCHED


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
