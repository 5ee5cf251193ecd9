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


def side(text: str) -> int:
    """The value of --imgsz: inputs are square, so it is one number."""
    width, times, height = text.lower().partition("x")
    if times and width.isdigit() and height.isdigit():
        raise argparse.ArgumentTypeError(
            f"{text} is a width and a height, but network inputs are square here; expected one side, such as "
            f"{max(int(width), int(height))}: images of any shape are letterboxed into it"
        )
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pixels; expected one, such as 640") from None


def answer(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    """Print what came of a verb: `result` as one JSON object where --json is given, else `text`."""
    print(json.dumps({"schema_version": 1, **result}) if options.json else text)
