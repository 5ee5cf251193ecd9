"""How a verb is declared and how it answers: the same for all of them."""

from __future__ import annotations

import argparse
import json
from typing import Any, Callable

Verbs = Any  # argparse's special action object, which has no public name
Run = Callable[[argparse.Namespace], None]


def verb(verbs: Verbs, name: str, run: Run, text: str) -> argparse.ArgumentParser:
    """Declare a verb with --json; `run` gets its options."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def answer(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    """Print what came of a verb: `result` as one JSON object where --json is given, else `text`."""
    print(json.dumps({"schema_version": 1, **result}) if options.json else text)
