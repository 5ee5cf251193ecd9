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
from deploy.results.folder import check_room, publish
from deploy.results.ours import MARKER, STATE, Maker, mark
from deploy.temporary import remove
from deploy.whole_file import write_whole

SAVE_SECONDS = 1.0  # what a kill costs at most
SAVE_IMAGES = 1000
"""So many images are saved at the latest, even where the clock stands still."""


@dataclass
class ResumableRun:
    """A run's folder: how many images of the set are through, which of them failed, and what the run itself counts.

    `sizes` are the bytes of text files that belong to those images, `sums` their CRC-32; more may have been written
    before a kill, and less may be left after a cut of power.
    """

    folder: Path
    inputs: Mapping[str, str]
    done: int = 0
    failed: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    _saved_at: float = field(default_factory=time.monotonic)
    _saved: int = 0

    def is_due(self) -> bool:
        """Whether it is time to `save` again."""
        passed = time.monotonic() - self._saved_at
        return not 0 <= passed < SAVE_SECONDS or self.done - self._saved >= SAVE_IMAGES

    def save(self) -> None:
        """Note how far the run is, whole or not at all."""
        state = {key: getattr(self, key) for key in ("inputs", "done", "failed", "counts", "sizes", "sums")}
        write_whole(self.folder / STATE, json.dumps(state).encode("ascii"))
        self._saved_at, self._saved = time.monotonic(), self.done

    def begin_anew(self, reason: str) -> None:
        """Forget what is there, because it cannot be gone on with, and say why."""
        note(f"{reason}, so this run begins at the first image")
        _clear(self.folder)
        self.done, self._saved = 0, 0
        self.failed, self.counts, self.sizes, self.sums = [], {}, {}, {}


@contextmanager
def resumable_run(folder: Path, maker: Maker, inputs: Mapping[str, str], resume: bool) -> Iterator[ResumableRun]:
    """A folder to write into, which takes the place of `folder` when the block ends without an exception.

    An older `folder` moves to NAME.prev then. After any other end, be it Ctrl-C, a kill or a full disk, the run lies in
    .NAME.unfinished beside it, and with `resume` the next one goes on there, as long as there are results in it.
    `inputs` (what, its hash) tells whether it is the same run.

    Raises UsageError when the folder above cannot be made, when somebody else's files are in the way, when another
    process is writing there, and with `resume` when the unfinished run had other inputs.
    """
    check_room(folder, maker)
    place = folder.with_name(f".{folder.name}.unfinished")
    with _locked(place, folder):
        run = _continued(place, inputs, resume)
        if run is None:
            _check_ours(place, maker)
            mark(place, maker)
            _clear(place)
            run = ResumableRun(place, inputs)
        try:
            yield run
            publish(run.folder, folder, maker)
        except BaseException:
            _keep_or_drop(place)
            raise
        # The last step, so that a run that is killed before it can still be gone on with.
        (folder / STATE).unlink(missing_ok=True)


def _keep_or_drop(place: Path) -> None:
    state = _read(place / STATE)
    if state and state["done"] > len(state["failed"]):
        note(f"{state['done']} images are kept; --resume continues from there")
    else:
        remove(place)


def _clear(place: Path) -> None:
    for entry in list(place.iterdir()):
        if entry.name != MARKER:
            remove(entry)


def _check_ours(place: Path, maker: Maker) -> None:
    found = sorted(entry.name for entry in place.iterdir())
    if found and not {MARKER, STATE} & set(found):
        raise UsageError(f"{place}: holds {found[0]}, which is no unfinished run of {maker.name}; move it elsewhere")


def _continued(place: Path, inputs: Mapping[str, str], resume: bool) -> ResumableRun | None:
    state = _read(place / STATE)
    if not resume:
        if state is not None and state["done"]:
            note(f"an unfinished run of {state['done']} images is dropped; --resume would have continued it")
        return None
    if state is None:
        note("there is no unfinished run to continue, so this one begins at the first image")
        return None
    changed = [what for what in inputs if inputs[what] != state["inputs"].get(what)]
    if changed:
        raise UsageError(
            f"the unfinished run in {place} had another {' and another '.join(changed)}; use the same again, "
            "or leave out --resume to start over"
        )
    if any(not entry.is_file() or entry.is_symlink() for entry in place.iterdir()):
        note(f"the unfinished run in {place} holds more than plain files, so this one begins at the first image")
        return None
    note(f"continuing after {state['done']} images")
    return ResumableRun(
        place,
        inputs,
        state["done"],
        state["failed"],
        state["counts"],
        state["sizes"],
        state["sums"],
        _saved=state["done"],
    )


def _read(file: Path) -> dict[str, Any] | None:
    """The state, or None where there is none that can be used."""
    try:
        if file.is_symlink():
            return None
        state = json.loads(file.read_bytes())
        kinds = {"inputs": dict, "done": int, "failed": list, "counts": dict, "sizes": dict, "sums": dict}
        return state if all(type(state[key]) is kind for key, kind in kinds.items()) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


@contextmanager
def _locked(place: Path, folder: Path) -> Iterator[None]:
    """Make `place` where it is missing and hold it against other processes; the lock goes with the process, however it
    ends. Raises UsageError where it is a link or a file, or held."""
    try:
        place.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{place}: is no folder; remove it, or give another --out") from None
    except OSError as fault:
        raise UsageError(f"results cannot be written to {folder.parent}: {fault.strerror}") from None
    if place.is_symlink():
        raise UsageError(f"{place}: is a link, which is not followed; remove it, or give another --out")
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another run is writing {folder} now; wait for it, or give another --out") from None
        yield
    finally:
        os.close(handle)
