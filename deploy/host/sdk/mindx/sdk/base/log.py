"""mindx.sdk.base.log: messages on stderr."""

from __future__ import annotations

import sys


def init() -> None:
    """There is nothing to start."""


def _at(level: str, message: object) -> None:
    print(f"{level}: {message}", file=sys.stderr, flush=True)


def debug(message: object) -> None:
    """Not shown, as by default on a board."""


def info(message: object) -> None:
    _at("info", message)


def warn(message: object) -> None:
    _at("warning", message)


def error(message: object) -> None:
    _at("error", message)


def fatal(message: object) -> None:
    _at("fatal", message)
