"""What a chain needs of a verb: the options that are the user's, its command line, and whether values can be its
options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.option import Option
from compress.verb import Verb
from deploy.errors import UsageError
from deploy.wording import nearest

_OWN = {"out", "project", "name", "resume"}  # the chain decides where results go


def open_options(verb: Verb) -> dict[str, Option]:
    """The options that a stage of a recipe can give."""
    return {name: option for name, option in verb.options.items() if name not in _OWN}


def command_line(verb: Verb, values: Mapping[str, Any]) -> list[str]:
    """The words of the command line for these options: True is a bare option, False and None are left out."""
    options = verb.options
    placed = [values[name] for name in options if options[name].place and name in values]
    words = [*verb.name.split(), *(str(entry) for value in placed for entry in _each(value))]
    for name, value in values.items():
        if options[name].place:
            continue
        for entry in _each(value):
            if entry is not None and entry is not False:
                words.append(f"--{name}" if entry is True else f"--{name}={entry}")
    return words


def settings_of(verb: Verb, values: Mapping[str, Any]) -> Any:
    """The verb's settings for these options. Raises UsageError for what they cannot be."""
    given: dict[str, Any] = {}
    for name, value in values.items():
        option = verb.options[name]
        if value is None or (option.const is not None and not value):
            continue
        given[option.field] = option.const if option.const is not None else _read(option, value)
    return verb.settings(**given)


def check_options(
    verb: Verb, values: Mapping[str, Any], where: Mapping[str, str], unknown: Collection[str], placed: Mapping[str, Any]
) -> None:
    """Raise UsageError for what a recipe gives wrongly, beginning with where it stands.

    `where` has the place of each option, under "" that of the stage. The values of the options in `unknown` are known
    only when the recipe runs. `placed` are options that the chain will set.
    """
    options = open_options(verb)
    for name, value in values.items():
        place = where.get(name, where[""])
        if name not in options:
            raise UsageError(
                f"{place}: '{verb.name}' has no option '{name}'{nearest(name, options)}: "
                f"expected one of {', '.join(sorted(options))}"
            )
        if name not in unknown:
            _check_value(options[name], value, place)
    for name, option in options.items():
        if option.required and values.get(name) is None:
            raise UsageError(f"{where['']}: '{verb.name}' needs the option '{name}'")
    _check_exclusive(options, values, where[""])
    known = {name: value for name, value in values.items() if name not in unknown}
    stand_ins = {name: _stand_in(options[name]) for name in unknown}
    try:
        settings_of(verb, {**known, **{name: value for name, value in stand_ins.items() if value}, **placed})
    except UsageError as fault:
        named = str(fault).partition(" ")[0].removeprefix("--")
        raise UsageError(f"{where.get(named, where[''])}: {fault}") from None


def _check_value(option: Option, value: Any, place: str) -> None:
    name = option.name
    if option.const is not None:
        if not isinstance(value, bool):
            raise UsageError(f"{place}: '{name}' is {value!r}, expected true or false")
        return
    if isinstance(value, list) and not option.many:
        try:
            option.kind(str(value))  # it may have a sentence of its own, as --imgsz has for two sides
        except UsageError as fault:
            raise UsageError(f"{place}: '{name}': {fault}") from None
        except (ValueError, TypeError):
            pass
        raise UsageError(f"{place}: '{name}' is a list, expected one value")
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, (bool, dict, list)) or entry is None:
            raise UsageError(f"{place}: '{name}' is {entry!r}, expected {option.metavar or 'a value'}")
        try:
            option.kind(str(entry))
        except UsageError as fault:
            raise UsageError(f"{place}: '{name}': {fault}") from None
        except (ValueError, TypeError):
            raise UsageError(f"{place}: '{name}' is {entry!r}, which it cannot be") from None
        if option.choices and str(entry) not in option.choices:
            raise UsageError(
                f"{place}: '{name}' is {entry!r}{nearest(str(entry), option.choices)}, "
                f"expected one of {', '.join(option.choices)}"
            )


def _check_exclusive(options: Mapping[str, Option], values: Mapping[str, Any], place: str) -> None:
    taken: dict[str, str] = {}
    for name, value in values.items():
        group = options[name].group if options[name].exclusive else ""
        if not group or value is None:
            continue
        if group in taken:
            raise UsageError(f"{place}: argument --{name}: not allowed with argument --{taken[group]}")
        taken[group] = name


def _each(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _read(option: Option, value: Any) -> Any:
    if option.many:
        return tuple(option.kind(str(entry)) for entry in _each(value))
    try:
        return option.kind(str(value))
    except ValueError:
        raise UsageError(f"--{option.name} is {value!r}, which it cannot be") from None


def _stand_in(option: Option) -> Any:
    """A value that passes the checks of the settings, or None where there is none for all of them."""
    if option.choices:
        return option.choices[0]
    return "1" if option.kind in (str, Path) else None
