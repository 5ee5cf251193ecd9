"""Where a chain has its stages write: each under its own name in the chain's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.verb import Verb


def placed_options(
    verb: Verb, options: Mapping[str, Any], folder: Path, name: str, begun: bool = False, redo: bool = False
) -> dict[str, Any]:
    """The options that say where the stage `name` writes, and whether it goes on with what it has `begun`."""
    takes = verb.options
    if {"project", "name"} <= takes.keys():
        runs = folder / "runs"
        placed: dict[str, Any] = {"project": str(runs), "name": name}
        if "resume" in takes and begun and (runs / name / "state.pt").is_file():
            placed["resume"] = True
        elif "redo" in takes and redo:
            placed["redo"] = True
        return placed
    suffix = _suffix(verb.name, options) if "out" in takes else None
    return {} if suffix is None else {"out": str(folder / f"{name}{suffix}")}


def _suffix(verb: str, options: Mapping[str, Any]) -> str | None:
    """What --out must end in, "" for a folder; None where the verb is to write nothing."""
    if verb == "prune":
        return ".json" if options.get("plan-only") else ".safetensors"
    if verb == "lint":
        return ".onnx" if options.get("fix") else None
    if verb == "data anchors":
        return ".safetensors" if options.get("weights") else ".yaml"
    return ".onnx" if verb == "pad" else ""
