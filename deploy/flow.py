"""Pictures through a stream, several in flight, results in order: the loop that all commands share."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from compute_mAP.errors import DataError
from deploy.pictures import read_picture
from deploy.stream import Outcome, Stream

IN_FLIGHT = max(8, 2 * (os.cpu_count() or 1))
"""Pictures in flight where throughput counts: enough to have one waiting for each core and each plugin that is busy."""


class Answer(NamedTuple):
    """A picture's name, its encoded bytes (empty where it could not be read), and what the stream made of it."""

    name: str
    picture: bytes
    outcome: Outcome


def answers(stream: Stream, folder: Path, names: Iterable[str], in_flight: int = IN_FLIGHT) -> Iterator[Answer]:
    """Run the pictures IMAGE_DIR/name.jpg. A picture that fails has its fault in the outcome and ends nothing."""
    waiting: deque[tuple[str, bytes, int | Outcome]] = deque()
    for name in names:
        try:
            picture = read_picture(folder, name)
        except DataError as fault:
            waiting.append((name, b"", Outcome([], str(fault))))
        else:
            unique_id = stream.send(picture)
            # A stream that is full takes the next picture once an older one has left it.
            while unique_id < 0 and waiting:
                yield _answer(stream, waiting.popleft())
                unique_id = stream.send(picture)
            waiting.append((name, picture, unique_id if unique_id >= 0 else Outcome([], stream.refusal())))
        while len(waiting) >= in_flight:
            yield _answer(stream, waiting.popleft())
    while waiting:
        yield _answer(stream, waiting.popleft())


def _answer(stream: Stream, sent: tuple[str, bytes, int | Outcome]) -> Answer:
    name, picture, result = sent
    return Answer(name, picture, result if isinstance(result, Outcome) else stream.receive(result))
