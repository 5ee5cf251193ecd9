"""Images through a stream, several in flight, results in order: the loop that all commands share."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.errors import DataError
from deploy.run.images import read_image
from deploy.run.stream import Outcome, Stream

IN_FLIGHT = max(8, 4 * (os.cpu_count() or 1))
"""Images in flight where throughput counts: two workers a core at most, and one image waiting for each."""


class Answer(NamedTuple):
    """An image's name, its encoded bytes (empty where it could not be read), and what the stream made of it."""

    name: str
    image: bytes
    outcome: Outcome


def answers(stream: Stream, folder: Path, names: Iterable[str], in_flight: int = IN_FLIGHT) -> Iterator[Answer]:
    """Run the images IMAGE_DIR/name.jpg. An image that fails has its fault in the outcome and ends nothing."""
    waiting: deque[tuple[str, bytes, int | Outcome]] = deque()
    for name in names:
        try:
            image = read_image(folder, name)
        except DataError as fault:
            waiting.append((name, b"", Outcome([], str(fault))))
        else:
            unique_id = stream.send(image)
            # A stream that is full takes the next image once an older one has left it.
            while unique_id < 0 and waiting:
                yield _answer(stream, waiting.popleft())
                unique_id = stream.send(image)
            waiting.append((name, image, unique_id if unique_id >= 0 else Outcome([], stream.refusal())))
        while len(waiting) >= in_flight:
            yield _answer(stream, waiting.popleft())
    while waiting:
        yield _answer(stream, waiting.popleft())


def _answer(stream: Stream, sent: tuple[str, bytes, int | Outcome]) -> Answer:
    name, image, result = sent
    return Answer(name, image, result if isinstance(result, Outcome) else stream.receive(result))
