"""The images of a set through streams on the nodes of a Ray cluster, a shard at a time on each, answers in order.

Bundle and images lie under the same paths on every node; a node that has others is refused, not believed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.errors import DataError, EnvironmentFault, ReportedError
from deploy.run.flow import Answer, answers
from deploy.run.run_inputs import inputs_of
from deploy.run.session import open_stream
from deploy.run.stream import Stream
from deploy.run.target import Target

SHARD = 32
"""Images of a shard: few enough to be lost with a node, enough to fill a stream."""
_RETRIES = 3  # of a shard whose node dies


def answers_on(
    ray: Any, target: Target, stream: Stream, inputs: Mapping[str, str], folder: Path, names: Sequence[str]
) -> Iterator[Answer]:
    """As deploy.run.flow.answers, from streams like `stream` on the cluster's nodes; answers have no images.

    `target` has absolute paths; the current folder is the one in which `stream` runs.
    `inputs` are those that each node must have too (see run_inputs). Raises EnvironmentFault for a node that lacks
    something or has something else, and for a cluster that loses a shard's node four times.
    """
    there, runs_in = replace(target, on=stream.on), Path.cwd()
    wanted = {name: value for name, value in inputs.items() if name != "image set"}
    task = ray.remote(num_cpus=1, max_retries=_RETRIES, scheduling_strategy="SPREAD")(_shard)
    shards = iter([list(names[start : start + SHARD]) for start in range(0, len(names), SHARD)])
    waiting: deque[Any] = deque()
    for shard in shards:
        waiting.append(task.remote(there, runs_in, wanted, folder, shard))
        if len(waiting) >= 2 * _nodes(ray):  # one at work and one ready on each
            yield from _answers(ray, waiting.popleft())
    while waiting:
        yield from _answers(ray, waiting.popleft())


def _nodes(ray: Any) -> int:
    return max(1, sum(bool(node["Alive"] and node["Resources"].get("CPU")) for node in ray.nodes()))


def _answers(ray: Any, task: Any) -> Iterator[Answer]:
    try:
        found = ray.get(task)
    except ray.exceptions.RayError as fault:
        lines = [line for line in str(fault).strip().splitlines() if line.strip()]
        raise EnvironmentFault(f"--ray: a shard of the images failed there ({lines[-1].strip()[:300]})") from None
    if isinstance(found, ReportedError):
        raise found
    yield from found


_open: dict[str, tuple[ExitStack, Stream]] = {}
"""In a process of the cluster: the stream that it has opened, by what it was opened for."""


def _shard(
    target: Target, runs_in: Path, wanted: Mapping[str, str], folder: Path, names: list[str]
) -> list[Answer] | ReportedError:
    """Runs on the cluster. The images stay there."""
    try:
        stream = _stream(target, runs_in, wanted, folder)
        return [Answer(found.name, b"", found.outcome) for found in answers(stream, folder, names)]
    except ReportedError as fault:
        return fault


def _stream(target: Target, runs_in: Path, wanted: Mapping[str, str], folder: Path) -> Stream:
    key = repr((target, runs_in, sorted(wanted.items())))
    if key not in _open:
        for stack, _ in _open.values():
            stack.close()
        _open.clear()
        for needed in (folder, runs_in):
            if not needed.is_dir():
                raise DataError(f"{needed}: no such folder on the cluster's node {_here()}; expected it on every node")
        os.chdir(runs_in)
        stack = ExitStack()
        stream, pipeline = stack.enter_context(open_stream(target, "eval"))
        have = inputs_of(pipeline, stream, folder, [])
        other = next((name for name, value in wanted.items() if have[name] != value), None)
        if other:
            stack.close()
            raise EnvironmentFault(f"the cluster's node {_here()} has another {other} than this machine")
        _open[key] = stack, stream
    return _open[key][1]


def _here() -> str:
    import ray

    return str(ray.util.get_node_ip_address())
