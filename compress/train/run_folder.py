"""The folder of one training run: its checkpoints, its log, and the state that a killed run goes on from."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from compress.folder_lock import locked
from compress.train.settings import TrainSettings
from compress.train.state import TrainState
from deploy.errors import DataError, UsageError
from deploy.hashes import file_sha256
from deploy.results.folder import check_room, make_room
from deploy.results.ours import Maker
from deploy.whole_file import append, write_whole

_KEPT = tuple(f"weights/{name}.safetensors" for name in ("best", "last"))
_LOGS = ("results.jsonl", "gammas.jsonl", "state.pt")
_BEGUN = ".begun"
"""There until the first epoch is through."""


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (*_KEPT, *_LOGS)) or _has_nothing(folder)


def _has_nothing(folder: Path) -> bool:
    """Whether a run ended before its first epoch was through: what it left cannot be gone on with."""
    return (folder / _BEGUN).is_file() or {entry.name for entry in folder.iterdir()} <= {"tensorboard"}


MAKER = Maker(
    "training",
    "training run",
    (*_KEPT, *_LOGS, _BEGUN, "tensorboard/events.out.tfevents.*"),
    _is_run,
    marks=False,
    option="",
)


class RunFolder:
    """PROJECT/NAME with weights/best.safetensors, weights/last.safetensors, results.jsonl, tensorboard/, state.pt and,
    of a sparse run, gammas.jsonl.

    Without `resume` an existing run of that name moves to NAME.prev when the training begins; until then nothing is
    touched, and a folder that is no run is refused at once. With it, the folder must hold the state of an unfinished
    run.

    Attributes:
        inputs: what the run is made from beside its settings, name to hash; a run resumes with the same alone.
    """

    def __init__(self, project: str | Path, name: str, resume: bool = False) -> None:
        if not name or Path(name).name != name or name in (".", ".."):
            raise UsageError(f"--name is '{name}', expected the name of one folder")
        self.path = Path(project) / name
        self.best = self.path / "weights" / "best.safetensors"
        self.last = self.path / "weights" / "last.safetensors"
        self.gammas = self.path / "gammas.jsonl"
        self._log = self.path / "results.jsonl"
        self._state = self.path / "state.pt"
        self._begun = self.path / _BEGUN
        self._resume = resume
        if not resume:
            check_room(self.path.absolute(), MAKER)
        self.inputs: dict[str, str] = {}
        if resume and not self._state.is_file():
            done = " (it has ended)" if self.last.is_file() else ""
            raise DataError(f"{self.path}: no unfinished run to resume{done}, expected the file state.pt")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other trainings out of the folder, until the process ends at the latest.

        Raises UsageError where another training has it.
        """
        with locked(self.path, "training"):
            yield

    def restore(self, state: TrainState, settings: TrainSettings, writes: bool = True) -> None:
        """Load the saved state into `state`, where the run resumes; any other run gets its new folder here.

        Where several processes train, one alone `writes`.
        Raises DataError when the file is damaged or was written with other settings, data or weights.
        """
        if not self._resume:
            if writes:
                make_room(self.path.absolute(), MAKER, _has_nothing)
                self._begun.touch()
            return
        try:
            saved = torch.load(self._state, map_location="cpu", weights_only=True)
            self._check_unchanged(json.loads(saved["settings"]), self._fingerprint(settings))
            state.load_state_dict(saved)
            if writes:
                drop_later_rows(self._log, state.epoch)
                drop_later_rows(self.gammas, state.epoch)
            for file in (self.best, self.last):
                if state.best and writes and not file.is_file():
                    raise DataError(f"{file}: is gone, and the run cannot go on without it; train without --resume")
        except DataError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0][:120]
            raise DataError(f"{self._state}: cannot be resumed ({type(error).__name__}: {reason})") from None

    def save(self, state: TrainState, settings: TrainSettings) -> None:
        """Write the state after an epoch, whole or not at all, as tensors and plain values."""
        content = io.BytesIO()
        torch.save({**state.state_dict(), "settings": json.dumps(self._fingerprint(settings))}, content)
        write_whole(self._state, content.getvalue())
        self._begun.unlink(missing_ok=True)

    def log(self, row: dict[str, Any]) -> None:
        """Append one epoch's losses and metrics to results.jsonl."""
        append(self._log, f"{json.dumps(row)}\n".encode())

    def log_gammas(self, row: dict[str, Any]) -> None:
        """Append one epoch's histogram of gammas to gammas.jsonl."""
        append(self.gammas, f"{json.dumps(row)}\n".encode())

    def finish(self) -> None:
        """Remove the state: a finished run has nothing to go on with."""
        self._state.unlink(missing_ok=True)

    def _fingerprint(self, settings: TrainSettings) -> dict[str, Any]:
        return {**settings.as_plain(), "data sha256": file_sha256(settings.data), **self.inputs}

    def _check_unchanged(self, written: dict[str, Any], now: dict[str, Any]) -> None:
        changed = sorted(key for key in written.keys() | now.keys() if written.get(key) != now.get(key))
        if changed:
            key = changed[0]
            raise DataError(f"{self._state}: {key} was {written.get(key)} and is now {now.get(key)}; cannot resume")


def drop_later_rows(file: Path, epoch: int) -> None:
    """Keep the rows of the first `epoch` epochs: a later one was not finished, and its row may be cut short."""
    if file.is_file():
        rows = file.read_text(encoding="utf-8").splitlines()[:epoch]
        write_whole(file, "".join(row + "\n" for row in rows).encode("utf-8"))
