"""Who scores the candidates: this process, processes beside it, or (compress/search/cluster.py) a Ray cluster.

A worker that dies costs no more than its candidate's time: another one takes its place and the candidate again.
"""

from __future__ import annotations

import copy
import multiprocessing
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

import torch

from compress.children import starting
from compress.search.scorer import Scored, Scorer
from compress.search.space import Widths
from deploy.errors import ReportedError

LIVES = 2
"""How many workers may die of one candidate before it counts as one that cannot be scored."""


@dataclass(frozen=True)
class Done:
    """A candidate's scores, or why there are none; the seconds that it took."""

    number: int
    scored: Scored | None
    seconds: float
    fault: str = ""


class Workers(Protocol):
    """Candidates go in with `submit`, at most `size` at a time, and come out of `next` as they are finished."""

    size: int

    def submit(self, number: int, widths: Widths) -> None: ...

    def next(self) -> Done: ...

    def close(self) -> None: ...


class InProcess:
    """This process, one candidate after another."""

    size = 1

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._waiting: list[tuple[int, Widths]] = []

    def submit(self, number: int, widths: Widths) -> None:
        self._waiting.append((number, widths))

    def next(self) -> Done:
        number, widths = self._waiting.pop(0)
        return scored(self._scorer, number, widths)

    def close(self) -> None:
        pass


def scored(scorer: Scorer, number: int, widths: Widths) -> Done:
    """Score one candidate; what torch raises, such as for want of memory, is the candidate's fault and ends nothing."""
    began = time.perf_counter()
    try:
        found = scorer(widths)
    except (RuntimeError, MemoryError) as error:
        return Done(number, None, time.perf_counter() - began, (str(error).splitlines() or ["no memory"])[0][:200])
    return Done(number, found, time.perf_counter() - began)


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: tuple[int, Widths] | None = None


class Processes:
    """`size` processes on this machine, each with a scorer of its own and its share of the cores."""

    def __init__(self, scorer: Scorer, size: int) -> None:
        self.size = size
        self._scorer = scorer
        self._threads = max(1, torch.get_num_threads() // size)
        # spawned, not forked: a process whose threads have computed must not be forked
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: list[tuple[int, Widths]] = []
        self._deaths: dict[int, int] = {}
        self._idle_deaths = 0

    def submit(self, number: int, widths: Widths) -> None:
        self._waiting.append((number, widths))
        self._hand_out()

    def next(self) -> Done:
        while True:
            busy = {worker.pipe: worker for worker in self._workers if worker.task}
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                assert worker.task
                try:
                    done: Done = worker.pipe.recv()
                except (EOFError, OSError):
                    lost = self._bury(worker)
                    if lost:
                        return lost
                    continue
                worker.task = None
                self._hand_out()
                return done

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _hand_out(self) -> None:
        while self._waiting:
            free = next((worker for worker in self._workers if not worker.task), None)
            if free is None and len(self._workers) < self.size:
                free = self._start()
            if free is None:
                return
            free.task = self._waiting.pop(0)
            try:
                free.pipe.send(free.task)
            except OSError:  # it died idle
                self._waiting.insert(0, free.task)
                self._remove(free)
                self._idle_deaths += 1
                if self._idle_deaths > 3 * self.size:
                    raise ReportedError("the processes that score candidates die; try fewer --workers") from None

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._scorer, self._threads), daemon=True)
        with starting():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _bury(self, worker: _Worker) -> Done | None:
        """Give a dead worker's candidate to another one, or give the candidate up."""
        assert worker.task
        number, widths = worker.task
        self._remove(worker)
        self._deaths[number] = self._deaths.get(number, 0) + 1
        if self._deaths[number] >= LIVES:
            self._hand_out()
            return Done(number, None, 0.0, f"{LIVES} workers died of it")
        self._waiting.insert(0, (number, widths))
        self._hand_out()
        return None

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _work(pipe: Connection, shared: Scorer, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began all this
    torch.set_num_threads(threads)
    # what comes to a process lies in memory that all of them share, and scoring silences weights for a while
    scorer = copy.deepcopy(shared).on_device()
    while True:
        try:
            number, widths = pipe.recv()
            pipe.send(scored(scorer, number, widths))
        except (EOFError, OSError):
            return
