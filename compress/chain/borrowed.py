"""Options that one verb takes over from another, as that one declares them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from typing import Any


class Borrowed:
    """The options of the verb that `add` declares under `name`, declared in `taker` too.

    Left out are those in `without` (names without dashes) and those that `taker` has already.
    """

    def __init__(
        self,
        add: Callable[[Any], None],
        name: str,
        taker: argparse.ArgumentParser,
        without: Collection[str],
    ) -> None:
        verbs = argparse.ArgumentParser().add_subparsers()
        add(verbs)
        self._lender: argparse.ArgumentParser = verbs.choices[name]
        known = {text for action in taker._actions for text in action.option_strings}
        group = taker.add_argument_group(f"as {name} has them")
        self._actions = [
            action
            for action in self._lender._actions
            if not known.intersection(action.option_strings) and _name(action) not in without
        ]
        for action in self._actions:
            group._add_action(action)

    def given(self, options: argparse.Namespace) -> dict[str, Any]:
        """The borrowed options that were given, as names and values of a command line."""
        found: dict[str, Any] = {}
        for action in self._actions:
            value = getattr(options, action.dest)
            if value != action.default:
                found[_name(action)] = True if action.nargs == 0 else value
        return found

    def check(self, words: list[str]) -> None:
        """Let the lender read a command line: it ends the program with a message where that is wrong."""
        self._lender.parse_args(words)


def _name(action: argparse.Action) -> str:
    return next((text[2:] for text in action.option_strings if text.startswith("--")), "")
