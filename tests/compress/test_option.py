"""Options of settings: what is wrong is refused in one sentence that names the option."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compress.option import Settings, again, option, options_of
from deploy.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Baking(Settings):
    flour: str = option(metavar="FILE", help="what is baked", place=True)
    minutes: int = option(20, low=1, high=90, help="how long")
    size: int | None = option(None, kind=int, low=8, high=64, multiple=8, help="how large")
    heat: float = option(0.5, low=0, high=1, help="share of the oven's")
    form: str = option("round", choices=("round", "long"), aliases=(("baguette", "long"),), help="its form")
    seeds: tuple[str, ...] = option((), many=True, help="what is strewn on it")
    steam: bool = option(True, name="no-steam", help="keep it dry")
    sweet: float | None = option(None, kind=float, help="sugar", group="taste", exclusive=True)
    salty: float | None = option(None, kind=float, help="salt", group="taste", exclusive=True)
    secret: float = option(0.1, low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Rolls(Baking):
    minutes: int = again(Baking, "minutes", default=12)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        pytest.param({"minutes": 0}, "--minutes is 0, expected 1 to 90", id="below"),
        pytest.param({"minutes": 91}, "--minutes is 91, expected 1 to 90", id="above"),
        pytest.param({"minutes": 2.5}, "--minutes is 2.5, expected a whole number", id="a fraction"),
        pytest.param({"minutes": "5"}, "--minutes is '5', expected a whole number", id="a text"),
        pytest.param({"minutes": True}, "--minutes is True, expected a whole number", id="a truth"),
        pytest.param({"minutes": None}, "--minutes is None, expected a whole number", id="nothing, with a default"),
        pytest.param({"size": 12}, "--size is 12, expected a multiple of 8 from 8 to 64", id="between the steps"),
        pytest.param({"size": 72}, "--size is 72, expected a multiple of 8 from 8 to 64", id="a step too far"),
        pytest.param({"heat": float("nan")}, "--heat is nan, expected 0 to 1", id="no number"),
        pytest.param({"form": "lang"}, "--form is 'lang' (did you mean 'long'?), expected one of", id="no choice"),
        pytest.param({"seeds": "poppy"}, "--seeds is 'poppy', expected a list", id="a text in place of a list"),
        pytest.param({"steam": 1}, "--no-steam is 1, expected True or False", id="a number in place of a truth"),
        pytest.param({"sweet": 1.0, "salty": 0.0}, "--salty: not allowed with argument --sweet", id="exclusive"),
        pytest.param(
            {"secret": 2}, "--secret is 2, expected 0 to 1", id="not on the command line, checked all the same"
        ),
    ],
)
def test_wrong_values(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Baking(flour="rye", **values)
    assert sentence in str(caught.value)


def test_right_values() -> None:
    made = Baking(flour=str(Path("rye")), minutes=90, size=64, heat=1, seeds=["a"], steam=False, salty=0.0)
    assert (made.minutes, made.size, made.heat, made.form) == (90, 64, 1, "round")


def test_options_by_name() -> None:
    options = options_of(Baking)
    assert list(options) == [
        *("flour", "minutes", "size", "heat", "form", "baguette", "seeds", "no-steam", "sweet", "salty")
    ], "one without a help text is for Python alone, an alias stands behind its option"
    assert (options["baguette"].field, options["baguette"].const) == ("form", "long")
    assert (options["no-steam"].field, options["no-steam"].const) == ("steam", False)
    assert options["flour"].required and not options["size"].required
    assert [options[name].kind for name in ("minutes", "heat", "form", "size")] == [int, float, str, int]


def test_an_option_taken_again() -> None:
    assert Rolls(flour="rye").minutes == 12 and Baking(flour="rye").minutes == 20
    with pytest.raises(UsageError, match="--minutes is 91, expected 1 to 90"):
        Rolls(flour="rye", minutes=91)
