"""Where the model that comes with the project is built: in a copy, so that its own files stay as they were shipped."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.bundle import DESCRIPTION, MODEL, open_bundle
from deploy.errors import UsageError
from deploy.hashes import file_sha256
from deploy.temporary import temporary_folder

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models" / "demo"
BUILT = ROOT / "build" / "demo"
"""Git ignores it."""


def place_to_build(folder: Path) -> Path:
    """The folder itself; for the shipped bundle a copy of it, which is made where it is missing and else gone on with.

    Raises ModelError for a faulty bundle, UsageError where the place of the copy holds something else.
    """
    if not folder.is_dir() or not SHIPPED.is_dir() or not folder.samefile(SHIPPED):
        return folder
    bundle = open_bundle(SHIPPED)
    if not BUILT.exists():
        BUILT.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(BUILT) as fresh:
            for name in (*bundle.description["files"], DESCRIPTION):
                shutil.copyfile(SHIPPED / name, fresh / name)
            fresh.rename(BUILT)
    model = BUILT / MODEL
    if not model.is_file() or file_sha256(model) != bundle.description["files"][MODEL]:
        raise UsageError(
            f"{BUILT} is not a copy of the bundle {SHIPPED}, which is built there; move it away and build again"
        )
    return BUILT
