"""The checkpoint and the float bundle that a bundle was made of, recognised by the hashes in its history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.bundle import DESCRIPTION, MODEL, Bundle, open_bundle
from deploy.errors import DataError, UsageError
from deploy.hashes import file_sha256


@dataclass
class MadeOf:
    """What there is of a bundle's making; None where it is not at hand. `export` is the history's entry."""

    export: dict[str, Any]
    checkpoint: Path | None = None
    plain: Bundle | None = None


def entry_of(bundle: Bundle, stage: str) -> dict[str, Any]:
    """The last entry of a stage in the bundle's history; {} where there is none."""
    history = bundle.description.get("history") or []
    entries = [entry for entry in history if isinstance(entry, dict) and entry.get("stage") == stage]
    return entries[-1] if entries else {}


def made_of(bundle: Bundle, checkpoints: Iterable[Path] = (), bundles: Iterable[Bundle] = ()) -> MadeOf:
    """What of the given files the bundle was made of."""
    export, quantize = entry_of(bundle, "export"), entry_of(bundle, "quantize")
    found = MadeOf(export)
    for file in checkpoints:
        if export.get("sha256") == file_sha256(file):
            found.checkpoint = file
    for other in bundles:
        if bundle.quantization and quantize.get("sha256") == other.description["files"][MODEL]:
            found.plain = other
    return found


def named(bundle: Bundle, given: Sequence[str | Path]) -> MadeOf:
    """The same of checkpoints and bundles by their paths.

    Raises DataError for a path that is not there, UsageError for a file that the bundle was not made of.
    """
    checkpoints, bundles = [], []
    for path in map(Path, given):
        if (path / DESCRIPTION).is_file():
            bundles.append(open_bundle(path))
        elif path.is_file():
            checkpoints.append(path)
        else:
            raise DataError(f"{path}: there is no such checkpoint or bundle")
    found = made_of(bundle, checkpoints, bundles)
    used = [found.checkpoint, found.plain and found.plain.folder]
    for path in (*checkpoints, *(other.folder for other in bundles)):
        if path not in used:
            raise UsageError(f"{path}: {bundle.folder} was not made of it, its history says another SHA-256")
    return found
