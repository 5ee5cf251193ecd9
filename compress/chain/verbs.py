"""The verbs that a chain can run, with the options that their own command lines declare."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import UsageError
from deploy.wording import nearest

_PLACED = {"out", "project", "name", "resume", "json", "help"}  # the chain's own business
_EDGE = ("eval", "speed")
_LEFT_OUT = ("run", "demo")


@dataclass(frozen=True)
class Verb:
    """One verb: its words, its options by their names without dashes, and the names of those given by place.

    `edge` says that it runs bundles and belongs to `run.sh`. `takes` holds all names, those that the chain sets too.
    """

    words: tuple[str, ...]
    parser: argparse.ArgumentParser
    options: dict[str, argparse.Action]
    places: tuple[str, ...] = ()
    edge: bool = False
    takes: frozenset[str] = frozenset()

    def line(self, values: Mapping[str, Any]) -> list[str]:
        """The command line for these options, which `check` has found right."""
        placed = [str(values[place]) for place in self.places if place in values]
        return [*self.words, *placed, *line_of({k: v for k, v in values.items() if k not in self.places})]

    def check(self, values: Mapping[str, Any], where: Mapping[str, str]) -> None:
        """Raise UsageError for an unknown option, a wrong value or a missing one, beginning with `where` it stands."""
        for name, value in values.items():
            place = where.get(name, where[""])
            if name not in self.options:
                known = ", ".join(sorted(self.options))
                raise UsageError(
                    f"{place}: '{' '.join(self.words)}' has no option '{name}'{nearest(name, self.options)}: "
                    f"expected one of {known}"
                )
            self._check_value(name, value, place)
        for name, action in self.options.items():
            if (action.required or name in self.places) and values.get(name) is None:
                raise UsageError(f"{where['']}: '{' '.join(self.words)}' needs the option '{name}'")

        # what is left: options that exclude each other, and whatever else the command line refuses
        required = [
            f"--{_name(action)}=1" for action in self.parser._actions if action.required and _name(action) in _PLACED
        ]
        heard = io.StringIO()
        try:
            with contextlib.redirect_stderr(heard):
                self.parser.parse_args([*self.line(values)[len(self.words) :], *required])
        except SystemExit:
            reason = heard.getvalue().strip().rpartition("error: ")[2]
            raise UsageError(f"{where['']}: {reason}") from None

    def _check_value(self, name: str, value: Any, place: str) -> None:
        action = self.options[name]
        if action.nargs == 0:
            if not isinstance(value, bool):
                raise UsageError(f"{place}: '{name}' is {value!r}, expected true or false")
            return
        if isinstance(value, list) and not (isinstance(action, argparse._AppendAction) or action.nargs in ("+", "*")):
            raise UsageError(f"{place}: '{name}' is a list, expected one value")
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, (bool, dict, list)) or entry is None:
                raise UsageError(f"{place}: '{name}' is {entry!r}, expected {action.metavar or 'a value'}")
            try:
                read = action.type(str(entry)) if callable(action.type) else str(entry)
            except (ValueError, TypeError, argparse.ArgumentTypeError):
                raise UsageError(f"{place}: '{name}' is {entry!r}, which it cannot be") from None
            if action.choices is not None and read not in action.choices:
                known = ", ".join(map(str, action.choices))
                raise UsageError(
                    f"{place}: '{name}' is {entry!r}{nearest(str(entry), map(str, action.choices))}, "
                    f"expected one of {known}"
                )


def line_of(values: Mapping[str, Any]) -> list[str]:
    """Options as words of a command line: True is a bare option, False and None are left out, lists are repeated."""
    words = []
    for name, value in values.items():
        for entry in value if isinstance(value, list) else [value]:
            if entry is not None and entry is not False:
                words.append(f"--{name}" if entry is True else f"--{name}={entry}")
    return words


def all_verbs() -> dict[str, Verb]:
    """The verbs of `python -m compress` but `run` and `demo`, and `eval` and `speed` of `run.sh`, by name."""
    from compress.cli import parser
    from deploy.cli import _parser as edge_parser

    ours = {name: _verb(name, found) for name, found in _leaves(parser()) if name not in _LEFT_OUT}
    edge = dict(_leaves(edge_parser()))
    return {**ours, **{name: _verb(name, edge[name], True) for name in _EDGE}}


def _leaves(parser: argparse.ArgumentParser, prefix: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every parser that runs something, under its verb's words."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield prefix, parser
    for action in inner:
        for name, found in action.choices.items():
            yield from _leaves(found, f"{prefix} {name}".strip())


def _verb(name: str, parser: argparse.ArgumentParser, edge: bool = False) -> Verb:
    named = {_name(action): action for action in parser._actions if _name(action)}
    places = tuple(action.dest for action in parser._actions if not action.option_strings)
    options = {key: action for key, action in named.items() if key not in _PLACED}
    options.update({action.dest: action for action in parser._actions if not action.option_strings})
    return Verb(tuple(name.split()), parser, options, places, edge, frozenset(named))


def _name(action: argparse.Action) -> str:
    """The option's long name without its dashes."""
    return next((text[2:] for text in action.option_strings if text.startswith("--")), "")
