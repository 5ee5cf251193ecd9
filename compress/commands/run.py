"""run: the stages of a recipe file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.commands import (
    cost,
    data,
    detect,
    export,
    gammas,
    iterate,
    lint,
    pad,
    plan,
    prune,
    quantize,
    search,
    sensitivity,
    training,
    val,
    verify,
)
from compress.option import Settings, option
from compress.verb import Answer, Verb
from deploy.errors import UsageError

STAGE_VERBS = (
    *data.VERBS,
    *training.VERBS,
    gammas.VERB,
    val.VERB,
    detect.VERB,
    prune.VERB,
    search.VERB,
    plan.VERB,
    export.VERB,
    quantize.VERB,
    sensitivity.VERB,
    verify.VERB,
    lint.VERB,
    pad.VERB,
    cost.VERB,
    iterate.VERB,
)
"""In the order of --help."""


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    recipe: str = option(metavar="RECIPE.yaml", place=True, help="the recipe: see docs/formats.md")
    out: str | None = option(None, metavar="DIR", help="where all results go (default: runs/ and the recipe's name)")
    assign: tuple[str, ...] = option(
        (), name="set", many=True, metavar="NAME=VALUE", help="the value of one of the recipe's variables"
    )
    redo: bool = option(False, help="do stages again whose options or inputs have changed, and what follows")


def run(settings: RunSettings) -> Answer | None:
    from compress.chain.ranks import led

    return led(lambda: _run(settings), training.VERBS)


def _run(settings: RunSettings) -> Answer:
    from compress.chain.chain import Chain
    from compress.chain.recipe import filled, read_recipe

    verbs = recipe_verbs()
    file = Path(settings.recipe)
    recipe = read_recipe(file, _assigned(settings.assign), verbs)
    folder = Path(settings.out) if settings.out else Path("runs") / file.stem
    chain = Chain(verbs, folder, settings.redo)
    answers: dict[str, dict[str, Any]] = {}
    for stage in recipe.stages:
        answers[stage.name] = chain.stage(stage.name, stage.verb, filled(stage, recipe.variables, answers))
    lines = [f"{name}: {found.get('result') or ', '.join(_numbers(found))}" for name, found in answers.items()]
    return Answer({"out": str(folder), "stages": answers}, "\n".join(lines))


def recipe_verbs() -> dict[str, Verb]:
    """Every verb that a stage of a recipe can be, by name."""
    from compress.chain.edge_verbs import EDGE_VERBS

    return {verb.name: verb for verb in (*STAGE_VERBS, *EDGE_VERBS)}


def _assigned(texts: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--set is '{text}', expected NAME=VALUE")
        given[name] = value
    return given


def _numbers(found: dict[str, Any]) -> list[str]:
    return [f"{key} {value:.4g}" for key, value in found.items() if isinstance(value, float)]


VERB = Verb("run", "do the stages of a recipe file, and go on where it was left", RunSettings, run)
