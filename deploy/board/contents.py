"""What a release on the board consists of: the edge side's code and one bundle, each file with its hash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.bundle import DESCRIPTION, Bundle
from deploy.errors import DataError, ModelError
from deploy.hashes import file_sha256
from deploy.run.pipeline_file import PipelineFile
from deploy.run.target import ROOT

CODE = ("compute_mAP", "deploy")
SCRIPTS = ("run.sh",)
BUNDLE = "bundle"
"""The bundle's folder inside a release."""


@dataclass(frozen=True)
class Item:
    """A file to be on the board: its path there with "/", the file here, its SHA-256 and its size in bytes."""

    path: str
    source: Path
    sha256: str
    size: int

    @classmethod
    def of(cls, path: str, source: Path) -> Item:
        """Raises DataError for a file that cannot be read."""
        try:
            return cls(path, source, file_sha256(source), source.stat().st_size)
        except OSError as fault:
            raise DataError(f"{source} cannot be read: {fault.strerror}") from None


def release_items(bundle: Bundle) -> list[Item]:
    """The files of a release, ordered by path.

    Raises ModelError for a bundle without the board's model, and for a file of it that is a link out of its folder.
    """
    items = [Item.of(path.relative_to(ROOT).as_posix(), path) for path in _code()]
    items += [Item.of(f"{BUNDLE}/{name}", _inside(bundle.folder, name)) for name in bundle_files(bundle)]
    return sorted(items, key=lambda item: item.path)


def bundle_files(bundle: Bundle) -> list[str]:
    """bundle.json, what it lists, and what the pipelines name, above all the OM."""
    names = {DESCRIPTION, *bundle.description["files"]}
    for name in [entry for entry in names if entry.endswith(".pipeline")]:
        pipeline = PipelineFile(bundle.folder / name, bundle.folder)
        if missing := pipeline.missing_models():
            raise ModelError(f"the board's model {missing[0]} is missing; make it with bash build.sh {bundle.folder}")
        names.update(pipeline.own_files())
    return sorted(names)


def chip_of(bundle: Bundle) -> str | None:
    """The chip that the bundle's OM was made for, such as "Ascend310": what build.sh recorded with the OM, else that of
    the ATC command, which may have been changed since."""
    built = _built(bundle).get("soc")
    if isinstance(built, str):
        return built
    return next((e.partition("=")[2] for e in bundle.atc if e.startswith("--soc_version=")), None)


def cann_of(bundle: Bundle) -> str | None:
    """The CANN version that build.sh converted the bundle for, such as "5.0.4", None where it is not recorded."""
    built = _built(bundle).get("cann")
    return built if isinstance(built, str) else None


def _built(bundle: Bundle) -> dict[str, Any]:
    """The settings of the conversion that build.sh recorded last, {} without one."""
    history = bundle.description.get("history")
    for entry in reversed(history if isinstance(history, list) else []):
        settings = entry.get("settings") if isinstance(entry, dict) and entry.get("stage") == "build" else None
        if isinstance(settings, dict):
            return settings
    return {}


def _code() -> Iterator[Path]:
    for package in CODE:
        yield from sorted((ROOT / package).rglob("*.py"))
    yield from (ROOT / name for name in SCRIPTS)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise ModelError(f"{path} is a link out of the bundle's folder; put the file itself there")
    return path
