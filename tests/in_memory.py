"""A pytest plugin that puts the files of a run of tests into memory, where there is room.

They are tens of thousands, and to delete them from some disks takes a minute. TMPDIR=/tmp leaves them on the disk.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")
_FOLDER = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or "TMPDIR" in os.environ or not _has_room(_MEMORY):
        return
    for left in _MEMORY.glob("ays-tests-*"):  # by a run in which tests failed, or that was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f"ays-tests-{os.getpid()}-", dir=_MEMORY)
    Path(folder).chmod(0o711)  # a board's user goes through it
    os.environ["TMPDIR"], tempfile.tempdir = folder, None
    config.stash[_FOLDER] = folder


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What failed tests have left can be looked at until the next run."""
    folder = session.config.stash.get(_FOLDER, None)
    if folder and exitstatus != pytest.ExitCode.TESTS_FAILED:
        for entry in Path(folder).iterdir():
            if not entry.name.startswith("pymp-"):  # multiprocessing removes its own when Python ends
                shutil.rmtree(entry, ignore_errors=True)
        with suppress(OSError):
            Path(folder).rmdir()


def _has_room(folder: Path) -> bool:
    """Has it two gigabytes, and may programs be run there?"""
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= 2 << 30 and not found.f_flag & os.ST_NOEXEC
