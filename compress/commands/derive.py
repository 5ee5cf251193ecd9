"""The command line of a verb, derived from the options that its settings declare."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from compress.option import Option
from compress.verb import Verb
from deploy.errors import UsageError

Verbs = Any  # argparse's special action object, which has no public name


def add_verb(verbs: Verbs, verb: Verb) -> None:
    """Declare the verb with its options and --json. The namespace has it as `verb`, and the options that were given."""
    parser = verbs.add_parser(
        verb.name.split()[-1],
        help=verb.about,
        description=f"{verb.about[0].upper()}{verb.about[1:]}.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(verb=verb)
    parser.add_argument("--json", action="store_true", default=False, help="print the result as one JSON object")
    groups: dict[str, Any] = {}
    for option in verb.options.values():
        _add(_group(parser, groups, option), option)


def settings_of(verb: Verb, given: argparse.Namespace) -> Any:
    """The verb's settings with the options that were given. Raises UsageError for what they cannot be."""
    names = {option.field for option in verb.options.values()}
    return verb.settings(**{name: value for name, value in vars(given).items() if name in names})


def _group(parser: Any, groups: dict[str, Any], option: Option) -> Any:
    if not option.group:
        return parser
    if option.group not in groups:
        made = parser.add_argument_group(option.group)
        groups[option.group] = made.add_mutually_exclusive_group() if option.exclusive else made
    return groups[option.group]


def _add(target: Any, option: Option) -> None:
    words: dict[str, Any] = {"help": _help(option)}
    if option.const is not None:
        target.add_argument(f"--{option.name}", dest=option.field, action="store_const", const=option.const, **words)
        return
    words.update(type=_reader(option), metavar=option.metavar)
    if option.choices:
        words["choices"] = option.choices
    if option.place:
        count = ("+" if option.required else "*") if option.many else None if option.required else "?"
        target.add_argument(option.field, nargs=count, **words)
        return
    if option.many:
        words["action"] = "append"
    target.add_argument(f"--{option.name}", dest=option.field, required=option.required, **words)


def _help(option: Option) -> str:
    assert option.help is not None
    told = option.default not in (None, ()) and "(default" not in option.help and option.const is None
    text = f"{option.help} (default: {option.default})" if told else option.help
    return text.replace("%", "%%")


def _reader(option: Option) -> Callable[[str], Any]:
    """What argparse reads the option's text with; it names int and float in its own words."""
    if option.kind in (int, float, str):
        return option.kind

    def read(text: str) -> Any:
        try:
            return option.kind(text)
        except UsageError as fault:
            raise argparse.ArgumentTypeError(str(fault)) from None

    return read
