"""Options of stages: fields of dataclasses that carry their own help, choices and ranges.

A stage's settings are the one place where its options stand. The command line is derived from them
(commands/derive.py) and recipes are checked by them (chain/recipe.py):

    @dataclass(frozen=True, kw_only=True)
    class PadSettings(Settings):
        model: str = option(metavar="MODEL.onnx", help="the model", place=True)
        multiple: int = option(16, low=8, high=16, help="what channel counts become multiples of")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from deploy.errors import UsageError
from deploy.wording import nearest

_KEY = "option"


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        field: the name of the dataclass field that it sets.
        name: its long name without dashes, as command lines and recipes have it.
        kind: what reads its text: int, float, str, pathlib.Path, or a function that raises UsageError.
        default: its value where it is not given; None where there is none.
        help: a line for `--help`; None keeps the option off the command line.
        const: the value that it sets when it is given bare, such as True; None for an option with a value.
        required: the command line and recipes must give it.
        place: it is given by its place and not by its name.
        many: it may be given several times; its value is a sequence.
        group, exclusive: the heading it stands under, and whether the options there exclude each other.
        aliases: flags that set one of its values, by name.
        also: what a caller in Python may give beside its kind.
    """

    field: str = ""
    name: str = ""
    kind: Callable[[str], Any] = str
    default: Any = None
    help: str | None = None
    metavar: str | None = None
    choices: Sequence[str] = ()
    low: float | None = None
    high: float | None = None
    multiple: int = 1
    const: Any = None
    required: bool = False
    place: bool = False
    many: bool = False
    group: str = ""
    exclusive: bool = False
    aliases: tuple[tuple[str, Any], ...] = ()
    also: tuple[type, ...] = ()

    def check(self, value: Any) -> None:
        """Raise UsageError, naming the option, for a value that it cannot have."""
        if value is None and self.default is None:
            return
        if self.many:
            if isinstance(value, (str, os.PathLike)) or not isinstance(value, Sequence):
                raise UsageError(f"--{self.name} is {value!r}, expected a list")
        elif self.choices:
            if value not in self.choices:
                known = ", ".join(self.choices)
                raise UsageError(
                    f"--{self.name} is '{value}'{nearest(str(value), self.choices)}, expected one of {known}"
                )
        elif self.const is not None:
            if not isinstance(value, bool):
                raise UsageError(f"--{self.name} is {value!r}, expected True or False")
        elif self.kind in (int, float) or self.low is not None:
            self._check_number(value)
        elif self.kind in (str, Path) and not isinstance(value, (str, os.PathLike, *self.also)):
            raise UsageError(f"--{self.name} is {value!r}, expected {self.metavar or 'a text'}")

    def _check_number(self, value: Any) -> None:
        kind, wanted = (Real, "a number") if self.kind is float else (Integral, "a whole number")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise UsageError(f"--{self.name} is {value!r}, expected {wanted}")
        if self.low is None or self.high is None:
            return
        if not self.low <= value <= self.high or (self.multiple > 1 and value % self.multiple):  # type: ignore[operator]
            steps = f"a multiple of {self.multiple} from " if self.multiple > 1 else ""
            raise UsageError(f"--{self.name} is {value}, expected {steps}{self.low} to {self.high}")


def option(default: Any = MISSING, **about: Any) -> Any:
    """A dataclass field that is an option; `about` are the attributes of Option.

    The kind is that of the default unless it is given. Without a default the option is required.
    """
    if "kind" not in about and type(default) in (int, float):
        about["kind"] = type(default)
    if isinstance(default, bool):
        about.setdefault("const", not default)
    missing = default is MISSING
    made = Option(default=None if missing else default, required=about.pop("required", missing), **about)
    return field(metadata={_KEY: made}) if missing else field(default=default, metadata={_KEY: made})


def again(settings: type, name: str, **changed: Any) -> Any:
    """The option `name` of other settings, with some of its attributes changed."""
    entry = settings.__dataclass_fields__[name]  # type: ignore[attr-defined]
    made = replace(entry.metadata[_KEY], **changed)
    kept = "default" not in changed and entry.default is MISSING
    return field(metadata={_KEY: made}) if kept else field(default=made.default, metadata={_KEY: made})


@cache
def declared(settings: Any) -> tuple[Option, ...]:
    """The options that a dataclass declares, in the order of its fields."""
    found = []
    for entry in fields(settings):
        if _KEY in entry.metadata:
            made: Option = entry.metadata[_KEY]
            found.append(replace(made, field=entry.name, name=made.name or entry.name.replace("_", "-")))
    return tuple(found)


@cache
def options_of(settings: Any) -> dict[str, Option]:
    """What a command line or a recipe can say: options with a help text by their names, aliases behind theirs."""
    found: dict[str, Option] = {}
    for made in declared(settings):
        if made.help is None:
            continue
        found[made.name] = made
        for flag, value in made.aliases:
            about = f"the same as --{made.name} {value}"
            found[flag] = Option(made.field, flag, const=value, help=about, group=made.group)
    return found


class Settings:
    """Base of the settings of stages: refuses what its options cannot be as soon as it is made."""

    def __post_init__(self) -> None:
        chosen: dict[str, str] = {}
        for made in declared(type(self)):  # type: ignore[arg-type]
            value = getattr(self, made.field)
            made.check(value)
            if made.exclusive and value is not None:
                if made.group in chosen:
                    raise UsageError(f"argument --{made.name}: not allowed with argument --{chosen[made.group]}")
                chosen[made.group] = made.name
