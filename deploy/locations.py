"""Where a stream writes: which properties name files to be written, and whether these stay in the run's folder."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

WRITERS = ("filesink", "mxpi_dumpdata")
"""The factories whose `location` is a file that is made or emptied when the stream starts or runs."""


def leads_out(location: str) -> bool:
    """Whether a location is absolute, in somebody's home, or climbs out of the folder that it starts from."""
    path = PurePosixPath(location.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(location).drive or location.startswith("~"):
        return True
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
