"""Candidates scored on a Ray cluster (docs/adr/0052).

The scorer goes to the cluster once, with its model, its batches and the held-out images as it has read them: nodes need
no data set. A node that dies costs its candidates their time: others score them again.
"""

from __future__ import annotations

import time
from typing import Any

from compress.search.scorer import Scorer
from compress.search.space import Widths
from compress.search.workers import LIVES, Done, scored
from deploy.errors import ReportedError

_LOOK = 5.0  # seconds between two looks at what the cluster has
PATIENCE = 60.0
"""Seconds without a node that can score anything before the search gives up."""


class OnCluster:
    """At most `most` candidates at a time (None: as many as the cluster has processors), each on one processor: a GPU
    where the cluster has any, else a core.

    Raises ReportedError from `next` where the cluster has lost all of them.
    """

    def __init__(self, ray: Any, scorer: Scorer, most: int | None = None) -> None:
        self._ray = ray
        self._kind = "GPU" if ray.cluster_resources().get("GPU", 0) >= 1 else "CPU"
        self._alive()
        self.size = min(most or 1_000_000, max(1, self._count()))
        self._scorer = ray.put(scorer.on_cpu())  # which a node without a GPU can read too
        scorer.on_device()
        each: dict[str, Any] = {"num_gpus": 1} if self._kind == "GPU" else {"num_cpus": 1}
        self._score = ray.remote(max_retries=0, **each)(_score)
        self._tasks: dict[Any, tuple[int, Widths]] = {}
        self._deaths: dict[int, int] = {}

    def submit(self, number: int, widths: Widths) -> None:
        # in a list, or Ray would hand the scorer itself over, anew for each candidate
        self._tasks[self._score.remote([self._scorer], number, widths)] = number, widths

    def next(self) -> Done:
        while True:
            ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=_LOOK)
            if not ready:
                self._alive()
                continue
            number, widths = self._tasks.pop(ready[0])
            found = self._result(ready[0], number)
            if found:
                return found
            self.submit(number, widths)

    def close(self) -> None:
        for task in self._tasks:
            self._ray.cancel(task, force=True)
        self._tasks.clear()

    def _result(self, task: Any, number: int) -> Done | None:
        """What a task found; None where its node or its process died and another is to have the candidate."""
        errors = self._ray.exceptions
        try:
            done: Done = self._ray.get(task)
            return done
        except (errors.NodeDiedError, errors.ObjectLostError):
            return None  # not the candidate's fault
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):
            self._deaths[number] = self._deaths.get(number, 0) + 1
            if self._deaths[number] < LIVES:
                return None
            return Done(number, None, 0.0, f"{LIVES} workers died of it")
        except errors.RayError as fault:
            lines = [line for line in str(fault).strip().splitlines() if line.strip()]
            raise ReportedError(f"--ray: a candidate cannot be scored there ({lines[-1].strip()[:300]})") from None

    def _count(self) -> int:
        return int(self._ray.cluster_resources().get(self._kind, 0))

    def _alive(self) -> None:
        """Wait for a node that can score. Raises ReportedError where none comes."""
        until = time.monotonic() + PATIENCE
        while not self._count():
            if time.monotonic() > until:
                raise ReportedError(
                    f"--ray: the cluster has had no {self._kind} for {PATIENCE:g} s; add nodes and go on with --resume"
                )
            time.sleep(0.5)


_scorers: dict[str, Scorer] = {}
"""In a process of the cluster: the scorer that it has got, by the name of Ray's object."""


def _score(box: list[Any], number: int, widths: Widths) -> Done:
    """Runs on the cluster."""
    import ray

    name = box[0].hex()
    if name not in _scorers:
        _scorers.clear()
        _scorers[name] = ray.get(box[0]).on_device()
    return scored(_scorers[name], number, widths)
