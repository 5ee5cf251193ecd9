"""The search itself: candidates to the workers, scores to the journal, until as many are scored as were asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from compress.search.journal import Entry, Journal, rank
from compress.search.scorer import Scored, Scorer
from compress.search.space import Space, Widths
from compress.search.strategies import Candidates
from compress.search.workers import Done, Workers
from deploy.console import StatusLine, clock
from deploy.errors import DataError, ReportedError

TOLERANCE, RELATIVE_TOLERANCE = 0.03, 0.1
"""How far the recalibrated full-width model may be from the baseline: mAP@0.5, and as a share of the baseline's."""


def self_check(scorer: Scorer, full: Widths) -> tuple[Scored, Scored]:
    """The scores of the model as it is, and of the candidate that removes nothing.

    Raises ReportedError where the second does not reproduce the first, or where there is nothing to compare: then no
    candidate's score would mean anything.
    """
    baseline, whole = scorer.baseline(), scorer(full)
    if baseline != scorer.baseline():
        raise ReportedError("the search stops: scoring a candidate has changed the model, a fault of this program")
    if baseline.map50 <= 0:
        raise ReportedError(
            "the search stops: the model as it is has mAP@0.5 0 on the held-out training images, so candidates cannot "
            "be told apart; give weights that were trained on --data"
        )
    if abs(whole.map50 - baseline.map50) > max(TOLERANCE, RELATIVE_TOLERANCE * baseline.map50):
        raise ReportedError(
            f"the search stops: at full width, with batch-norm statistics from {len(scorer.batches)} batches, the "
            f"model has mAP@0.5 {whole.map50:.3f} on the held-out training images, but {baseline.map50:.3f} as it is; "
            "candidates' scores would be as far off; give more --bn-batches, or train the model until it is stable"
        )
    return baseline, whole


def search(
    space: Space,
    candidates: Candidates,
    count: int,
    workers: Workers,
    journal: Journal,
    best_changed: Callable[[Entry], None],
) -> Entry:
    """Score the candidates 0 to count - 1 that the journal does not have; returns the best of all.

    `best_changed` is called with each new best. Raises DataError for a journal of other candidates, ReportedError where
    none could be scored.
    """
    progress = _Progress(count, journal)
    draw = _Drawn(space, candidates, count, journal)
    in_flight: dict[int, Widths] = {}
    best = journal.best()
    if best:
        best_changed(best)
    try:
        while True:
            while len(in_flight) < workers.size and (task := draw.next()):
                in_flight[task[0]] = task[1]
                workers.submit(*task)
            if not in_flight:
                break
            done = workers.next()
            entry = _entry(space, candidates.seed, in_flight.pop(done.number), done)
            journal.add(entry)
            candidates.scores[entry.number] = entry.map50 or 0.0
            if entry.map50 is not None and (best is None or rank(entry) > rank(best)):
                best = entry
                best_changed(best)
            progress.step(best, entry)
    finally:
        workers.close()
    progress.finish(best)
    if best is None:
        fault = journal.entries[-1].fault if journal.entries else "none was drawn"
        raise ReportedError(f"none of {len(journal.entries)} candidates could be scored: {fault}")
    return best


class _Drawn:
    """Draws candidates in order, checks those that the journal has, and holds back one whose scores are to come."""

    def __init__(self, space: Space, candidates: Candidates, count: int, journal: Journal) -> None:
        self._space, self._candidates, self._count, self._journal = space, candidates, count, journal
        self._known = {entry.number: entry for entry in journal.entries}
        self.exhausted = False

    def next(self) -> tuple[int, Widths] | None:
        while not self.exhausted and (number := len(self._candidates.drawn)) < self._count:
            if any(i not in self._candidates.scores for i in range(self._candidates.needed(number))):
                return None
            widths = self._candidates.draw()
            if widths is None:
                self.exhausted = True
                return None
            known = self._known.get(number)
            if known is None:
                return number, widths
            if known.widths != widths:
                raise DataError(
                    f"{self._journal.file}: candidate {number} has other widths than the seed gives; give the new "
                    "search another --name"
                )
            self._candidates.scores[number] = known.map50 or 0.0
        return None


def _entry(space: Space, seed: int, widths: Widths, done: Done) -> Entry:
    share = space.share(widths)
    found = done.scored
    map50, map50_95 = (found.map50, found.map50_95) if found else (None, None)
    cost, seconds = share * space.whole_cost, round(done.seconds, 3)
    return Entry(done.number, seed, widths, share, cost, map50, map50_95, seconds, done.fault)


class _Progress:
    """The best so far, the rate and the time left, on stderr."""

    def __init__(self, count: int, journal: Journal) -> None:
        self._count, self._done = count, len(journal.entries)
        self._new = 0
        self._began = time.perf_counter()
        self._status = StatusLine()

    def step(self, best: Entry | None, latest: Entry) -> None:
        self._done += 1
        self._new += 1
        if self._status.is_due():
            rate = self._new / (time.perf_counter() - self._began)
            left = clock(max(0, self._count - self._done) / rate)
            self._status.show(
                f"candidate {self._done}/{self._count}, {_best(best)}, {60 * rate:.1f} a minute, {left} left"
            )

    def finish(self, best: Entry | None) -> None:
        self._status.clear()
        seconds = time.perf_counter() - self._began
        if self._new:
            rate = 60 * self._new / seconds
            told = f"{self._new} candidates scored in {clock(seconds)}, {rate:.1f} a minute, {_best(best)}"
            print(told, file=sys.stderr)


def _best(best: Entry | None) -> str:
    return f"best mAP@0.5 {best.map50:.3f} (number {best.number})" if best else "none scored"
