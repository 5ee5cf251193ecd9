"""Packages that take files from the current folder while they are imported, which is anybody's, are imported elsewhere.

A library of torch's CUDA wheels (libcusparseLt.so) looks for libcuda.so.1 in the current folder and would run what lies
there; matplotlib obeys a matplotlibrc there. See ld.so(8) on empty entries of a run path, and matplotlib_fname.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

NAMES = ("torch", "matplotlib")


class _AtTheRoot(Loader):
    """Runs a package's code with the root of the file system as the current folder, where nobody's modules lie either:
    Python may look for them in the current folder, as in notebooks."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__
        module.__spec__.loader = module.__loader__ = self._loader  # to others all is as ever
        try:
            before = Path.cwd()
        except OSError:  # it is gone, and nothing can lie in it
            return self._loader.exec_module(module)
        os.chdir(before.anchor)
        try:
            self._loader.exec_module(module)
        finally:
            os.chdir(before)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname in NAMES else None
        if found is not None and found.loader is not None:
            found.loader = _AtTheRoot(found.loader)
        return found


def install() -> None:
    """To be called before anything imports them; a second call changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
