"""A result folder while it fills: it survives a kill, and a later run with the same inputs goes on in it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.console import note
from deploy.errors import UsageError
from deploy.results.folder import publish, remove
from deploy.whole_file import write_whole

STATE = "unfinished.json"
SAVE_SECONDS = 1.0  # what a kill costs at most


@dataclass
class ResumableRun:
    """A run's folder: how many images of the set are through, which of them failed, and what the run itself counts.

    `sizes` are the bytes of text files that belong to those images; more may have been written before a kill.
    """

    folder: Path
    inputs: Mapping[str, str]
    done: int = 0
    failed: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    _saved_at: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        """Whether it is time to `save` again."""
        return time.monotonic() - self._saved_at >= SAVE_SECONDS

    def save(self) -> None:
        """Note how far the run is, whole or not at all."""
        state = {key: getattr(self, key) for key in ("inputs", "done", "failed", "counts", "sizes")}
        write_whole(self.folder / STATE, json.dumps(state, ensure_ascii=False).encode("utf-8"))
        self._saved_at = time.monotonic()


@contextmanager
def resumable_run(folder: Path, inputs: Mapping[str, str], resume: bool) -> Iterator[ResumableRun]:
    """A folder to write into, which takes the place of `folder` when the block ends without an exception.

    An older `folder` moves to NAME.prev then. After Ctrl-C or a kill the run lies in .NAME.unfinished beside it, and
    with `resume` the next one goes on there. `inputs` (what, its hash) tells whether it is the same run; any other
    exception ends the run for good.

    Raises UsageError when the folder above cannot be made, when another process is writing there, and with `resume`
    when the unfinished run had other inputs.
    """
    place = folder.with_name(f".{folder.name}.unfinished")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UsageError(f"results cannot be written to {folder.parent}: {fault.strerror}") from None
    with _locked(place, folder):
        run = _continued(place, inputs, resume)
        if run is None:
            for entry in list(place.iterdir()):
                remove(entry)
            run = ResumableRun(place, inputs)
        try:
            yield run
        except KeyboardInterrupt:
            if state := _read(place / STATE):
                note(f"{state['done']} images are kept; --resume goes on from there")
            else:
                remove(place)
            raise
        except BaseException:
            remove(place)
            raise
        (place / STATE).unlink(missing_ok=True)
        publish(place, folder)


def _continued(place: Path, inputs: Mapping[str, str], resume: bool) -> ResumableRun | None:
    state = _read(place / STATE)
    if not resume:
        if state is not None and state["done"]:
            note(f"an unfinished run of {state['done']} images is dropped; --resume would have gone on with it")
        return None
    if state is None:
        note("there is no unfinished run to go on with, so this one begins at the first image")
        return None
    changed = [what for what in inputs if inputs[what] != state["inputs"].get(what)]
    if changed:
        raise UsageError(
            f"the unfinished run in {place} had another {' and another '.join(changed)}; repeat it with the same, "
            "or leave --resume out to begin anew"
        )
    note(f"goes on after {state['done']} images")
    return ResumableRun(place, inputs, state["done"], state["failed"], state["counts"], state["sizes"])


def _read(file: Path) -> dict[str, Any] | None:
    """The state, or None where there is none that can be used."""
    try:
        state = json.loads(file.read_bytes())
        kinds = {"inputs": dict, "done": int, "failed": list, "counts": dict, "sizes": dict}
        return state if all(type(state[key]) is kind for key, kind in kinds.items()) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


@contextmanager
def _locked(place: Path, folder: Path) -> Iterator[None]:
    """Hold `place` against other processes; the lock goes with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another run is writing {folder} now; wait for it, or give another --out") from None
        yield
    finally:
        os.close(handle)
