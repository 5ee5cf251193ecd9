"""Copies files to the board and continues where a broken connection stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from deploy.board.contents import Item
from deploy.board.doctor import Examined, Wanted, examine
from deploy.board.link import ANSWER_SECONDS, ConnectionLost, Link
from deploy.board.text import cleaned
from deploy.console import StatusLine, note
from deploy.errors import DataError

CHUNK = 1 << 18
RETRIES = 3
PAUSE = 2.0
"""Seconds before the first retry; each later one waits twice as long."""


@dataclass
class Copied:
    """What was sent: files, their bytes, and the bytes that an earlier, broken connection had sent before."""

    files: int = 0
    bytes: int = 0
    resumed_bytes: int = 0
    reconnects: int = 0


class Transfer:
    """A connection that is made again when it breaks. Use it in a `with` block."""

    def __init__(self, host: str, options: Sequence[str], wanted: Wanted) -> None:
        self._host = host
        self._options = options
        self._wanted = wanted
        self.copied = Copied()
        self.current = ""
        """The release that this push made the current one, "" until the board says so."""
        self.switching = False
        """Whether the board has been told to switch and has not answered yet."""
        self.link = Link(host, options)

    def __enter__(self) -> Transfer:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> None:
        self.link.close()

    def examine(self, soc: str | None, cann: str | None) -> Examined:
        return examine(self.link, self._wanted, soc, cann)

    def open(self) -> None:
        """Open the folder on the board, which one push at a time may have. Raises what the board says against it."""
        self.link.ask("open", root=self._wanted.folder)

    def release(self, items: Sequence[Item]) -> tuple[str, str, bool]:
        """Make the files the current release. Returns it, the one before, and whether it was there already.

        Raises DataError for a file that changes meanwhile, ConnectionLost after the last retry.
        """

        def once() -> tuple[str, str, bool]:
            same = self._bring("release", items)
            if same:
                self.current = same
                return same, "", True
            self.switching = True
            answer = self.link.ask("commit", seconds=_seconds_for(items))
            self.switching = False
            self.current = cleaned(answer.get("release"), 40)
            return cleaned(answer.get("release"), 40), cleaned(answer.get("previous"), 40), False

        return self._persist(once)

    def images(self, items: Sequence[Item]) -> None:
        """Bring images and the like, each once whatever its names are."""
        self._persist(lambda: self._bring("pictures", list({item.sha256: item for item in items}.values())))

    def _persist(self, work: Callable[[], Any]) -> Any:
        pause = PAUSE
        for left in reversed(range(RETRIES + 1)):
            try:
                return work()
            except ConnectionLost as fault:
                if not left:
                    raise
                note(f"{fault}; going on in {pause:g} s")
                time.sleep(pause)
                pause *= 2
                self.copied.reconnects += 1
                self.link.close()
                self.link = Link(self._host, self._options)
                self.open()
        raise AssertionError

    def _bring(self, area: str, items: Sequence[Item]) -> str:
        """Send what is missing. Returns the release that already is what `items` say, else ""."""
        listed = [[item.path, item.sha256, item.size] for item in items]
        plan = self.link.ask("plan", seconds=_seconds_for(items), area=area, files=listed)
        need = _checked(plan.get("need"), items)
        if not need and isinstance(plan.get("same"), str) and plan["same"]:
            return cleaned(plan["same"], 40)
        sent = _first_of_each(need, items)
        progress = _Progress(len(sent), sum(items[number].size - offset for number, offset in sent))
        for number, offset in sent:
            self._send(number, items[number], offset, progress)
        again = self._broken(items)
        progress.more(sum(items[number].size for number in again))
        for number in again:
            self._send(number, items[number], 0, progress)
        for number in self._broken(items):
            raise DataError(f"{items[number].source} arrived corrupted twice: its hash on the board differs")
        progress.finish()
        return ""

    def _send(self, number: int, item: Item, offset: int, progress: _Progress) -> None:
        self.link.tell("put", number=number, offset=offset, size=item.size - offset)
        left = item.size - offset
        try:
            with item.source.open("rb") as stream:
                stream.seek(offset)
                while left:
                    piece = stream.read(min(CHUNK, left))
                    if not piece:
                        raise _changed(item)
                    self.link.send(piece)
                    left -= len(piece)
                    self.copied.bytes += len(piece)
                    progress.step(len(piece))
        except OSError as fault:
            raise DataError(f"{item.source} cannot be read: {fault.strerror}") from None
        self.copied.files += 1
        self.copied.resumed_bytes += offset

    def _broken(self, items: Sequence[Item]) -> list[int]:
        """The files that arrived with another hash. Raises DataError where the file here has another one by now."""
        answered = self.link.ask("received", seconds=_seconds_for(items)).get("bad")
        numbers = answered if isinstance(answered, list) else []
        if any(type(number) is not int or not 0 <= number < len(items) for number in numbers):
            raise DataError("the board names a file that was not sent")
        for number in (numbers := sorted(set(numbers))):
            if Item.of("", items[number].source).sha256 != items[number].sha256:
                raise _changed(items[number])
        return numbers


def _changed(item: Item) -> DataError:
    return DataError(f"{item.source} changed while it was being copied; push again when it is complete")


def _checked(need: Any, items: Sequence[Item]) -> list[tuple[int, int]]:
    """What the board asks for, as far as it can ask for it."""
    valid = isinstance(need, list) and all(
        isinstance(entry, list)
        and len(entry) == 2
        and all(type(value) is int for value in entry)
        and 0 <= entry[0] < len(items)
        and 0 <= entry[1] <= items[entry[0]].size
        for entry in need
    )
    if not valid or len({number for number, _ in need}) < len(need):
        raise DataError("the board asks for files that do not exist, or for one of them twice")
    return [(number, offset) for number, offset in need]


def _first_of_each(need: Sequence[tuple[int, int]], items: Sequence[Item]) -> list[tuple[int, int]]:
    """Equal files share what has arrived of them, and the first one takes it."""
    begun: set[str] = set()
    sent = []
    for number, offset in need:
        sent.append((number, 0 if items[number].sha256 in begun else offset))
        begun.add(items[number].sha256)
    return sent


def _seconds_for(items: Sequence[Item]) -> float:
    """How long the board may take to hash and copy these files: an SD card in use reads a megabyte a second."""
    return ANSWER_SECONDS + sum(item.size for item in items) / 1e6


class _Progress:
    """Says on stderr how much has been copied."""

    def __init__(self, files: int, total: int) -> None:
        self._total = total
        self._files = files
        self._done = 0
        self._start = time.perf_counter()
        self._status = StatusLine()

    def more(self, size: int) -> None:
        """So many bytes have to be sent again, because they arrived corrupted."""
        self._total += size

    def step(self, size: int) -> None:
        self._done += size
        if self._status.is_due():
            rate = self._done / max(time.perf_counter() - self._start, 1e-9)
            left = max(self._total - self._done, 0) / max(rate, 1)
            self._status.show(f"copied {_mb(self._done)} of {_mb(self._total)}, {_mb(rate)}/s, {left:.0f} s left")

    def finish(self) -> None:
        self._status.clear()
        if self._files:
            print(f"copied {self._files} files, {_mb(self._done)}", file=sys.stderr)


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"
