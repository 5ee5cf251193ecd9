"""Leaky queues: where the backlog of a stream loses buffers rather than grow.

On the host the backlog of a stream lies behind its appsrc, where buffers wait for a worker. A leaky queue therefore
works there, if all buffers of the appsrc pass it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deploy.host.engine.plan import Step
from deploy.host.plugins.queue import Queue

MOST = 1000  # buffers, however many a file allows


class Leak(NamedTuple):
    """A leaky queue: GStreamer's number of the side where it leaks (0 for none), and how many buffers it holds."""

    name: str = ""
    side: int = 0
    size: int = 0

    @property
    def drops_new(self) -> bool:
        return self.side == 1


def leak_behind(steps: Sequence[Step], source: Step) -> Leak:
    """The first leaky queue between an appsrc and the first branch or junction behind it."""
    step = source
    while len(step.outputs) == 1 and not step.meta_outputs:
        slot = step.outputs[0]
        step = next(other for other in steps if slot in other.inputs)
        if len(step.inputs) > 1:
            break
        plugin = step.plugin
        if isinstance(plugin, Queue) and plugin.values["leaky"] not in ("0", "no"):
            size = int(plugin.values["max-size-buffers"]) or MOST  # 0 is "no limit"
            return Leak(plugin.name, 1 if plugin.values["leaky"] in ("1", "upstream") else 2, min(size, MOST))
    return Leak()
