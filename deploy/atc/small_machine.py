"""ATC on machines with little memory, such as boards: it compiles operators in many processes, and these fill it up."""

from __future__ import annotations

import os
from collections.abc import Mapping

ENOUGH = 8 * 2**30
"""Bytes from which on nothing has to be limited (Ascend's samples for boards)."""
_ONE_AT_A_TIME = {"TE_PARALLEL_COMPILER": "1", "MAX_COMPILE_CORE_NUMBER": "1"}


def limits(variables: Mapping[str, str], memory: int) -> dict[str, str]:
    """The environment variables to add for a machine with so many bytes of memory (0: not known), so that ATC compiles
    one operator at a time; what the user set stays."""
    if not 0 < memory < ENOUGH:
        return {}
    return {name: value for name, value in _ONE_AT_A_TIME.items() if name not in variables}


def memory_of_machine() -> int:
    """Bytes; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
