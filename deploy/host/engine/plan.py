"""The order of work in a stream: which element takes whose frames, and what can run once which appsrc has sent.

Frames are kept in numbered slots, one a link. Elements that the same appsrcs lead to form a stage. The stages of one
appsrc run as soon as it has sent; a stage of several runs on what each of them sent as its n-th buffer. Appsrcs that
meet in a stage form a group. Most streams have one appsrc, hence one group of one stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from deploy.host.engine.turnstile import Turnstile
from deploy.host.pipeline.description import Stream
from deploy.host.plugins.appsink import AppSink
from deploy.host.plugins.appsrc import AppSrc
from deploy.host.plugins.base import Plugin
from deploy.host.plugins.video.mxpi_rtspsrc import RtspSource
from deploy.sdk_codes import INVALID_LINK, PAD_UNLINKED, SdkFault


class Origin(NamedTuple):
    """Where a link comes from: the number of an element, in the order of the description, and its output port."""

    element: int
    port: int


class IncomingLink(NamedTuple):
    """A link as its target sees it. They sort as the target takes them: those of nextMeta last, then by port."""

    is_meta: bool
    input_port: int
    slot: int
    origin: Origin


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
        # the SDK numbers the elements of a file by name: appsrc10 is before appsrc2. Appsinks it knows by their numbers
        sources = [step for step in self.steps if isinstance(step.plugin, AppSrc)]
        # Those that pull come last, as no number leads to them.
        self.source_steps = sorted(sources, key=lambda step: (isinstance(step.plugin, RtspSource), step.plugin.name))
        sinks = [step for step in self.steps if isinstance(step.plugin, AppSink)]
        self.sink_steps = sorted(sinks, key=lambda step: _sink_number(step.plugin.name))
        self.timed = [step for step in self.steps if not step.plugin.passive]
        for number, step in enumerate(self.sink_steps):
            step.sink = number
        for number, step in enumerate(self.timed):
            step.clock = number
        self._origins: list[list[Origin]] = []  # of each element, by input port
        self._connect(_links(stream))
        for step in self.steps:
            if step.plugin.ordered:
                step.turnstile = Turnstile()
        stages = self._stages(self._leading_sources())
        self.groups = self._groups(stages)
        self.group_of = {source: group for group in self.groups for source in group.sources}
        self.first_stage = {min(stage.sources): stage for stage in stages if len(stage.sources) == 1}

    def upstream(self, number: int) -> list[Plugin]:
        """The plugins whose metadata reach element `number`, the nearest last; input port 0 counts as nearest."""
        return self._plugins_behind(self._origins[number])

    def upstream_by_port(self, number: int) -> list[list[Plugin]]:
        """The same for each input port by itself."""
        return [self._plugins_behind([origin]) for origin in self._origins[number]]

    def downstream(self, number: int) -> list[Plugin]:
        """The plugins that come after element `number`, in the order of their turns."""
        reached = {number}
        for index in range(number + 1, len(self.steps)):
            if any(origin.element in reached for origin in self._origins[index]):
                reached.add(index)
        return [self.steps[index].plugin for index in sorted(reached - {number})]

    def _connect(self, links: list[list[IncomingLink]]) -> None:
        """Give every link a slot; `links` are those that arrive at each element."""
        for number, arriving in enumerate(links):
            self.steps[number].inputs = [link.slot for link in arriving]
            self._origins.append([link.origin for link in arriving])
        everything = sorted((link for arriving in links for link in arriving), key=lambda link: link.slot)
        for link in everything:
            step = self.steps[link.origin.element]
            (step.meta_outputs if link.is_meta else step.outputs).append(link.slot)
        self.slots = len(everything)
        for step in self.source_steps:  # what is sent lies in a slot of its own
            step.inputs = [self.slots]
            self.slots += 1

    def _plugins_behind(self, origins: Sequence[Origin]) -> list[Plugin]:
        """The plugins at those origins and all that lead to them, the nearest last."""
        found: dict[str, Plugin] = {}
        visited: set[int] = set()

        def visit(origins: Sequence[Origin]) -> None:
            for origin in reversed(origins):
                if origin.element not in visited:
                    visited.add(origin.element)
                    visit(self._origins[origin.element])
                plugin = self.steps[origin.element].plugin.at_port(origin.port)
                found.setdefault(plugin.name, plugin)

        visit(origins)
        return list(found.values())

    def _leading_sources(self) -> list[frozenset[int]]:
        """The appsrcs that lead to each step."""
        own = {id(step): frozenset([number]) for number, step in enumerate(self.source_steps)}
        found: list[frozenset[int]] = []
        for number, step in enumerate(self.steps):
            before = [found[origin.element] for origin in self._origins[number]]
            leading = own.get(id(step), frozenset()).union(*before)
            if not leading:
                raise SdkFault(PAD_UNLINKED, f"{step.plugin.name}: no appsrc leads to it")
            found.append(leading)
        return found

    def _stages(self, sources: list[frozenset[int]]) -> list[Stage]:
        stages: dict[frozenset[int], Stage] = {}
        edges: set[tuple[frozenset[int], frozenset[int]]] = set()
        for number, step in enumerate(self.steps):
            stages.setdefault(sources[number], Stage(sources[number])).steps.append(step)
            edges |= {(sources[origin.element], sources[number]) for origin in self._origins[number]}
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


def _links(stream: Stream) -> list[list[IncomingLink]]:
    """The links that arrive at each element, in the order in which it takes them; slots count all links.

    Raises SdkFault 6006 for a link to an element that comes before.
    """
    places = {element.name: number for number, element in enumerate(stream.elements)}
    arriving: list[list[IncomingLink]] = [[] for _ in stream.elements]
    slot = 0
    for number, element in enumerate(stream.elements):
        for is_meta, links in ((False, element.links), (True, element.meta_links)):
            for port, link in enumerate(links):
                target = places.get(link.target, -1)
                if target <= number:
                    raise SdkFault(
                        INVALID_LINK, f"{stream.name}.{element.name}: next is {link.target}, no element after it"
                    )
                arriving[target].append(IncomingLink(is_meta, link.port, slot, Origin(number, port)))
                slot += 1
    return [sorted(links) for links in arriving]


def _sink_number(name: str) -> int:
    """appsink10 -> 10; the reader of pipelines takes no other names."""
    return int(name[len("appsink") :])
