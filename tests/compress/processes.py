"""Processes of `compress` that begin where others have spent seconds on importing torch: they are forked off a server
that has done so.

They are processes like others: with a folder, an environment, an exit code, and they can be killed. How Python and the
program start, and what signals other than SIGKILL do, is for tests that start `python -m compress`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

_PRELOADED = "tests.compress.preloaded"
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([_PRELOADED])
_ROOT = str(Path(__file__).resolve().parents[2])


def server() -> ForkServerContext:
    """The server that processes are forked off, which runs then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", _ROOT)  # where it starts it looks for modules as a fresh Python does
        forkserver.ensure_running()
    return _SERVER


class Forked:
    """A process that calls a function of a module; SystemExit in it is its exit code."""

    def __init__(
        self, call: Callable[..., None], *given: Any, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._told = tempfile.TemporaryDirectory()
        files = [str(Path(self._told.name, name)) for name in ("out", "err")]
        self._process = server().Process(target=_begin, args=(files, str(folder), dict(environment or {}), call, given))
        self._process.start()

    @property
    def code(self) -> int | None:
        """The exit code, that of a signal negative; None while the process runs."""
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def end(self, within: float = 300) -> tuple[str, str]:
        """Wait for its end; what it wrote to stdout and stderr. One that takes longer, in seconds, is killed."""
        self._process.join(within)
        self._process.kill()
        self._process.join()
        told = [Path(self._told.name, name).read_text(encoding="utf-8") for name in ("out", "err")]
        self._told.cleanup()
        return told[0], told[1]


def compress(*words: str, folder: Path, environment: Mapping[str, str] | None = None) -> Forked:
    """`python -m compress WORDS` in a folder."""
    return Forked(_program, words, folder=folder, environment=environment)


def _program(words: tuple[str, ...]) -> None:
    from deploy.program import run_program

    sys.argv = ["compress", *words]
    raise SystemExit(run_program("compress.cli"))


def _begin(
    files: list[str], folder: str, environment: dict[str, str], call: Callable[..., None], given: tuple[Any, ...]
) -> None:
    for stream, file in zip((1, 2), files, strict=True):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    assert _PRELOADED in sys.modules, "the server has not imported anything"
    import torch

    # The first to ask torch for its pool of threads replaces the one that a fork has left behind, and fails at times
    # where another thread asks at that moment, as those of autograd do.
    torch.set_num_threads(torch.get_num_threads())
    os.chdir(folder)
    os.environ.update(environment)
    # as in a process of its own: loaders forked off a further server would not see the end of one that is killed
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    call(*given)
