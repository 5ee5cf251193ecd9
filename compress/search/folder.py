"""The folder of a search: its journal, its winner with the plan, and the chart of all candidates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compress.folder_lock import locked
from compress.prune.plan import Plan
from deploy.errors import DataError, UsageError
from deploy.results.folder import check_room, make_room
from deploy.results.ours import Maker, edited, mark

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
        elif self.plan.name in edited(self.path, MAKER):
            raise UsageError(f"{self.plan}: was changed since the search wrote it, and would be replaced; move it")
        elif not self.journal.is_file():
            raise DataError(f"{self.journal}: no such file, so there is no search to go on with; leave out --resume")

    def keep(self, plan: Plan) -> None:
        """Write the plan of the best candidate so far, but not beside the checkpoint of another one."""
        if not self.best.exists():
            plan.save(self.plan)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder against other searches, and give a new search an empty one."""
        with locked(self.path, "search"):
            if not self._resume:
                make_room(self.path, MAKER, _has_nothing)
            mark(self.path, MAKER, ())
            yield
            mark(self.path, MAKER, _FILES)


def _has_nothing(folder: Path) -> bool:
    """Whether a search ended before its first candidate was scored."""
    try:
        return len((folder / _FILES[0]).read_bytes().splitlines()) < 2
    except FileNotFoundError:
        return True
