"""What the tests of the checkpoint readers share: files around a pickle of any kind, and what a refusal looks like."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from compress.nets.pickled.inert_pickle import read_inert
from deploy.errors import ModelError


@pytest.fixture(scope="session")
def write_pt() -> Callable[..., Path]:
    """Writes the zip form of PyTorch around any pickle, with the storages' bytes by name, and returns the file."""

    def write(file: Path, pickled: bytes, **storages: bytes) -> Path:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("archive/version", "3\n")
            for name, raw in storages.items():
                archive.writestr(f"archive/data/{name}", raw)
        return file

    return write


@pytest.fixture(scope="session")
def refused() -> Callable[[Path], str]:
    """Reads a file that must be refused and returns the one sentence that says why."""

    def read(file: Path) -> str:
        with pytest.raises(ModelError) as caught:
            read_inert(file)
        sentence = str(caught.value)
        assert sentence.startswith(f"{file}: ") and "\n" not in sentence
        return sentence

    return read
