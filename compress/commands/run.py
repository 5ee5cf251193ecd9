"""run: the stages of a recipe file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from compress.commands.declare import Verbs, answer, verb
from deploy.errors import UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "run", run, "do the stages of a recipe file, and go on where it was left")
    parser.add_argument("recipe", metavar="RECIPE.yaml", help="the recipe: see docs/formats.md")
    parser.add_argument("--out", metavar="DIR", help="where all results go (default: runs/ and the recipe's name)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="the value of one of the recipe's variables"
    )
    parser.add_argument(
        "--redo", action="store_true", help="do stages again whose options or inputs have changed, and what follows"
    )


def run(options: argparse.Namespace) -> None:
    from compress.chain.chain import Chain
    from compress.chain.recipe import filled, read_recipe
    from compress.chain.verbs import all_verbs

    given = {}
    for text in options.set:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--set is '{text}', expected NAME=VALUE")
        given[name] = value
    file = Path(options.recipe)
    recipe = read_recipe(file, given, all_verbs())
    folder = Path(options.out) if options.out else Path("runs") / file.stem
    chain = Chain(options.compress, folder, options.redo)
    answers: dict[str, dict[str, Any]] = {}
    for stage in recipe.stages:
        answers[stage.name] = chain.stage(stage.name, stage.verb, filled(stage, recipe.variables, answers))
    lines = [f"{name}: {found.get('result') or ', '.join(_numbers(found))}" for name, found in answers.items()]
    answer(options, {"out": str(folder), "stages": answers}, "\n".join(lines))


def _numbers(found: dict[str, Any]) -> list[str]:
    return [f"{key} {value:.4g}" for key, value in found.items() if isinstance(value, float)]
