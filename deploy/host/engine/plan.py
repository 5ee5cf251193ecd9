"""The order of work in a stream: which element takes whose frames, and what can run once which appsrc has sent.

Frames are kept in numbered slots, one a link. Elements that the same appsrcs lead to form a stage. The stages of one
appsrc run as soon as it has sent; a stage of several runs on what each of them sent as its n-th buffer. Appsrcs that
meet in a stage form a group. Most streams have one appsrc, hence one group of one stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from deploy.host.engine.turnstile import Turnstile
from deploy.host.pipeline.description import Stream
from deploy.host.plugins.appsink import AppSink
from deploy.host.plugins.appsrc import AppSrc
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import INVALID_LINK, PAD_UNLINKED, SdkFault


@dataclass(eq=False)
class Step:
    """One element's turn. `inputs` and `outputs` are slots in the order of ports, those of nextMeta at the end."""

    plugin: Plugin
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    meta_outputs: list[int] = field(default_factory=list)
    sink: int = -1  # the number of the appsink that this is
    clock: int = -1  # its number among the elements whose time is taken
    turnstile: Turnstile | None = None


@dataclass(eq=False)
class Stage:
    """Steps that run one after the other. `number` is its place in the group, `waits_for` how many stages precede."""

    sources: frozenset[int]
    number: int = 0
    steps: list[Step] = field(default_factory=list)
    leads_to: list[Stage] = field(default_factory=list)
    waits_for: int = 0

    @cached_property
    def sinks(self) -> list[int]:
        return [step.sink for step in self.steps if step.sink >= 0]

    @cached_property
    def turnstiles(self) -> list[Turnstile]:
        return [step.turnstile for step in self.steps if step.turnstile]


@dataclass(eq=False)
class Group:
    """Appsrcs whose buffers go together, the stages that they feed and the appsinks that those end in."""

    sources: list[int]
    stages: list[Stage]
    sinks: list[int]


class Plan:
    """Raises SdkFault 6006 for a link to an element that comes before, 6016 for an element that no appsrc leads to."""

    def __init__(self, stream: Stream, plugins: Sequence[Plugin]) -> None:
        self.steps = [Step(plugin) for plugin in plugins]
        self.slots = 0
        # the SDK reads a file's elements by name, so that is how it numbers them
        by_name = sorted(self.steps, key=lambda step: step.plugin.name)
        self.source_steps = [step for step in by_name if isinstance(step.plugin, AppSrc)]
        self.sink_steps = [step for step in by_name if isinstance(step.plugin, AppSink)]
        self.sink_steps.sort(key=lambda step: int("0" + step.plugin.name.lstrip("apsink")))  # appsink2 before appsink10
        self.timed = [step for step in self.steps if not step.plugin.passive]
        for number, step in enumerate(self.sink_steps):
            step.sink = number
        for number, step in enumerate(self.timed):
            step.clock = number
        self._before: list[list[tuple[int, int]]] = [[] for _ in self.steps]  # (step, its output port), by input port
        self._link(stream)
        for step in self.steps:
            if step.plugin.ordered:
                step.turnstile = Turnstile()
        sources = self._sources()
        stages = self._stages(sources)
        self.groups = self._groups(stages)
        self.group_of = {source: group for group in self.groups for source in group.sources}
        self.first_stage = {min(stage.sources): stage for stage in stages if len(stage.sources) == 1}

    def upstream(self, number: int) -> list[Plugin]:
        """The plugins whose metadata reach element `number`, the nearest last; input port 0 counts as nearest."""
        return self._leading(self._before[number])

    def upstream_by_port(self, number: int) -> list[list[Plugin]]:
        """The same for each input port by itself."""
        return [self._leading([link]) for link in self._before[number]]

    def downstream(self, number: int) -> list[Plugin]:
        """The plugins that come after element `number`, in the order of their turns."""
        reached = {number}
        for index in range(number + 1, len(self.steps)):
            if any(before in reached for before, _ in self._before[index]):
                reached.add(index)
        return [self.steps[index].plugin for index in sorted(reached - {number})]

    def _link(self, stream: Stream) -> None:
        places = {element.name: number for number, element in enumerate(stream.elements)}
        arriving: list[list[tuple[bool, int, int, int, int]]] = [[] for _ in self.steps]
        for number, element in enumerate(stream.elements):
            for meta, links in ((False, element.links), (True, element.meta_links)):
                outputs = self.steps[number].meta_outputs if meta else self.steps[number].outputs
                for port, link in enumerate(links):
                    target = places.get(link.target, -1)
                    if target <= number:
                        raise SdkFault(
                            INVALID_LINK, f"{stream.name}.{element.name}: next is {link.target}, no element after it"
                        )
                    arriving[target].append((meta, link.port, self.slots, number, port))
                    outputs.append(self.slots)
                    self.slots += 1
        for number, entries in enumerate(arriving):
            entries.sort()
            self.steps[number].inputs = [entry[2] for entry in entries]
            self._before[number] = [(entry[3], entry[4]) for entry in entries]
        for step in self.source_steps:  # what is sent lies in a slot of its own
            step.inputs = [self.slots]
            self.slots += 1

    def _leading(self, links: Sequence[tuple[int, int]]) -> list[Plugin]:
        found: dict[str, Plugin] = {}
        visited: set[int] = set()

        def visit(links: Sequence[tuple[int, int]]) -> None:
            for before, port in reversed(links):
                if before not in visited:
                    visited.add(before)
                    visit(self._before[before])
                plugin = self.steps[before].plugin.at_port(port)
                found.setdefault(plugin.name, plugin)

        visit(links)
        return list(found.values())

    def _sources(self) -> list[frozenset[int]]:
        """The appsrcs that lead to each step."""
        own = {id(step): frozenset([number]) for number, step in enumerate(self.source_steps)}
        found: list[frozenset[int]] = []
        for number, step in enumerate(self.steps):
            leading = own.get(id(step), frozenset()).union(*(found[before] for before, _ in self._before[number]))
            if not leading:
                raise SdkFault(PAD_UNLINKED, f"{step.plugin.name}: no appsrc leads to it")
            found.append(leading)
        return found

    def _stages(self, sources: list[frozenset[int]]) -> list[Stage]:
        stages: dict[frozenset[int], Stage] = {}
        edges: set[tuple[frozenset[int], frozenset[int]]] = set()
        for number, step in enumerate(self.steps):
            stages.setdefault(sources[number], Stage(sources[number])).steps.append(step)
            edges |= {(sources[before], sources[number]) for before, _ in self._before[number]}
        for first, then in edges:
            if first != then:
                stages[first].leads_to.append(stages[then])
                stages[then].waits_for += 1
        return list(stages.values())

    def _groups(self, stages: list[Stage]) -> list[Group]:
        joined: list[set[int]] = []
        for stage in stages:
            touching = [members for members in joined if members & stage.sources]
            joined = [members for members in joined if not members & stage.sources]
            joined.append(set(stage.sources).union(*touching))
        groups = []
        for members in joined:
            own = [stage for stage in stages if stage.sources <= members]
            for number, stage in enumerate(own):
                stage.number = number
            sinks = [sink for stage in own for sink in stage.sinks]
            groups.append(Group(sorted(members), own, sorted(sinks)))
        return groups
