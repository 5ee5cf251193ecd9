"""What a stage was given, with files told by their content: whether it must be done again is asked of this."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from compress.data.content import content_hash
from compress.data.data_yaml import load_data_yaml
from deploy.errors import ReportedError


def fingerprint(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options with each path that exists replaced by a hash of what lies there; the rest as it is."""
    return {name: _told(value) for name, value in values.items()}


def path_hash(path: Path) -> str:
    """SHA-256 of a file, or over the names and contents of all files of a folder.

    A data.yaml counts with the images and labels that it names (see content_hash).
    """
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
            line = f"{file.relative_to(path).as_posix()} {_file_hash(*_identity(file))}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
    own = _file_hash(*_identity(path))
    if path.suffix in (".yaml", ".yml"):
        try:
            data = load_data_yaml(path)
            return f"{own} {content_hash(data, data.sources)}"
        except ReportedError:
            return own  # another kind of YAML, or one that its stage will complain about
    return own


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(entry) for entry in value]
    if isinstance(value, (str, Path)) and str(value) and Path(value).exists():
        return f"sha256 {path_hash(Path(value))}"
    return value if isinstance(value, (int, float, bool)) or value is None else str(value)


def _identity(file: Path) -> tuple[str, int, int]:
    stat = file.stat()
    return str(file.resolve()), stat.st_size, stat.st_mtime_ns


@cache
def _file_hash(file: str, size: int, changed: int) -> str:
    """A file's hash; the same file is not read twice in one process."""
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
