"""Where a chain has its stages write: each under its own name in the chain's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.verb import Verb
from deploy.errors import UsageError

WRITTEN = frozenset({"stock", "save", "saved-cfg"})
"""Options, beside --out and --project, that name a file to write."""

_BEGUN = ("state.pt", "journal.jsonl")
"""What a training or a search leaves that can be gone on with."""


def placed_options(
    verb: Verb, options: Mapping[str, Any], folder: Path, name: str, begun: bool = False, redo: bool = False
) -> dict[str, Any]:
    """The options that say where the stage `name` writes, and whether it goes on with what it has `begun`."""
    takes = verb.options
    if {"project", "name"} <= takes.keys():
        runs = folder / "runs"
        placed: dict[str, Any] = {"project": str(runs), "name": name}
        if "resume" in takes and begun and any((runs / name / file).is_file() for file in _BEGUN):
            placed["resume"] = True
        elif "redo" in takes and redo:
            placed["redo"] = True
        return placed
    suffix = _suffix(verb.name, options) if "out" in takes else None
    return {} if suffix is None else {"out": str(folder / f"{name}{suffix}")}


def kept_inside(options: Mapping[str, Any], folder: Path, name: str) -> dict[str, str]:
    """Further files that a stage is to write, by option, each in the chain's folder.

    Raises UsageError for one that would lie elsewhere: a recipe may come from somebody else.
    """
    placed = {}
    for option in WRITTEN & options.keys():
        file = Path(str(options[option]))
        if file.is_absolute() or ".." in file.parts or not file.name:
            raise UsageError(
                f"the stage '{name}' is to write {option}: {file}, which is not in the recipe's own folder; expected a "
                f"path relative to {folder} and in it"
            )
        placed[option] = str(folder / file)
    return placed


def _suffix(verb: str, options: Mapping[str, Any]) -> str | None:
    """What --out must end in, "" for a folder; None where the verb is to write nothing."""
    if verb == "prune":
        return ".json" if options.get("plan-only") else ".safetensors"
    if verb == "lint":
        return ".onnx" if options.get("fix") else None
    if verb == "data anchors":
        return ".safetensors" if options.get("weights") else ".yaml"
    return ".onnx" if verb == "pad" else ""
