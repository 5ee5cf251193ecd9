"""The folder of a search: its journal, its winner with the plan, and the picture of all candidates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compress.folder_lock import locked
from deploy.errors import DataError, UsageError
from deploy.results.folder import check_room, previous_of
from deploy.results.ours import Maker, mark
from deploy.temporary import remove

_FILES = ("journal.jsonl", "best.plan.json", "best.safetensors", "candidates.png")
MAKER = Maker("search", "search", _FILES, option="")


class SearchFolder:
    """PROJECT/NAME. Without `resume` an existing search of that name moves to NAME.prev when this one begins.

    Raises UsageError for a name that is none and a folder that is no search, DataError where there is none to resume.
    """

    def __init__(self, project: str | Path, name: str, resume: bool) -> None:
        if not name or Path(name).name != name or name in (".", ".."):
            raise UsageError(f"--name is '{name}', expected the name of one folder")
        self.path = (Path(project) / name).absolute()
        self._resume = resume
        self.journal, self.plan, self.best, self.chart = (Path(project) / name / file for file in _FILES)
        if not resume:
            check_room(self.path, MAKER)
        elif not self.journal.is_file():
            raise DataError(f"{self.journal}: no such file, so there is no search to go on with; leave out --resume")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder against other searches, and give a new search an empty one."""
        with locked(self.path, "search"):
            if not self._resume:
                self._make_room()
            yield

    def _make_room(self) -> None:
        check_room(self.path, MAKER)
        if self.path.exists():
            previous = previous_of(self.path)
            remove(previous)
            self.path.rename(previous)
        self.path.mkdir(parents=True)
        mark(self.path, MAKER)
