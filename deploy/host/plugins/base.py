"""What all plugins share: a name, properties, the element they take their input from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from deploy.host.catalog.properties import Property
from deploy.host.log import log
from deploy.host.metadata.frame import Frame
from deploy.host.pipeline.description import Element
from deploy.sdk_codes import INVALID_LINK, SdkFault
from deploy.wording import did_you_mean

IMAGE, TENSORS, OBJECTS, OSD = "an image", "tensors", "objects", "what is to be drawn"
CLASSES, TEXTS, MASKS = "classes", "texts", "masks"
ANYTHING = "what is sent"  # of an appsrc: SendProtobuf may put in whatever it likes


class Plugin:
    """One element of a running stream.

    Create, `connect`, then `process` frames from several threads at once, then `close`. Subclasses say their factory's
    properties and what they leave in a frame's metadata under their name ("" for nothing). An element with several
    inputs gets one frame with the metadata of all and the buffer of input port 0. The flags tell the engine how to
    run a plugin; by default it processes one frame and hands it on at every output port.
    """

    PROPERTIES: ClassVar[Mapping[str, Property]] = {}
    produces: str = ""
    passive: ClassVar[bool] = False  # does nothing to a frame: process is never called
    takes_faults: ClassVar[bool] = False  # process is called for frames that carry a fault, too
    ordered: ClassVar[bool] = False  # frames come one at a time, in the order in which they were sent
    routes: ClassVar[bool] = False  # `route` is called in place of `process`
    expands: ClassVar[bool] = False  # `expand` is called in place of `process`
    # sizes are (width, height) in pixels; None where a plugin has no such thing or takes any
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    output_shapes: Sequence[Sequence[int]] | None = None
    waits: bool = False  # process waits for a chip, and leaves the core to others meanwhile
    inputs: Sequence[Sequence[Plugin]] = ()  # what leads to each input port, the nearest last; set before `connect`

    def __init__(self, element: Element) -> None:
        self.name = element.name
        self.values: dict[str, Any] = element.values

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        """Look at the neighbours once all plugins exist. Raises SdkFault for what does not fit."""

    def process(self, frame: Frame) -> None:
        """Work on one frame. Raises SdkFault, which then travels downstream in place of a result."""
        raise NotImplementedError

    def route(self, frame: Frame, ports: int) -> Sequence[Frame | None]:
        """What leaves at each of the output ports; None for nothing. No two may be the same object."""
        raise NotImplementedError

    def expand(self, frame: Frame) -> Iterator[Frame]:
        """The frames that one frame turns into, each handed on at every output port."""
        raise NotImplementedError

    def at_port(self, port: int) -> Plugin:
        """Whose metadata the elements behind that output port find: this plugin's, unless it tells ports apart."""
        return self

    def close(self) -> None:
        """The stream is going down: let go of what `process` may be busy with."""

    def fault(self, code: int, sentence: str) -> SdkFault:
        return SdkFault(code, f"{self.name}: {sentence}")

    def source(self, upstream: Sequence[Plugin], wanted: str | tuple[str, ...], *properties: str) -> Plugin:
        """The plugin whose metadata this one takes: the one that `properties` name, or the nearest that has `wanted`.

        The SDK looks for names when a buffer comes, so one that is not upstream is none that fails here. Raises
        SdkFault 6006 where what is upstream is not `wanted`.
        """
        for key in properties:
            name = self.values.get(key, "")
            if name not in ("", "auto"):
                return self.named(upstream, name, wanted, key)
        made, sent = _kinds(upstream)
        if made and made[-1].produces in _all(wanted):
            return made[-1]
        if sent and not made:
            return sent[-1]
        found = f"{made[-1].name} hands on {made[-1].produces}" if made else "there is none"
        raise self.fault(INVALID_LINK, f"it needs {_either(wanted)} from an element before it; {found}")

    def named(self, upstream: Sequence[Plugin], name: str, wanted: str | tuple[str, ...], key: str) -> Plugin:
        """The plugin that the property `key` names. Raises as `source`."""
        names = {plugin.name: plugin for plugin in upstream}
        if name not in names:
            close = did_you_mean(name, names)
            if close and _kinds(upstream)[0]:
                log.warning('%s: %s is "%s", which no element before it is%s', self.name, key, name, close)
            return _sent(name)  # mxpi_loaddata and SendProtobuf give names that no file shows
        if names[name].produces not in (*_all(wanted), ANYTHING):
            raise self.fault(INVALID_LINK, f"{key} is {name}, which does not hand on {_either(wanted)}")
        return names[name]


def _kinds(upstream: Sequence[Plugin]) -> tuple[list[Plugin], list[Plugin]]:
    """Those that make metadata themselves, and those whose metadata are sent."""
    made = [plugin for plugin in upstream if plugin.produces not in ("", ANYTHING)]
    return made, [plugin for plugin in upstream if plugin.produces == ANYTHING]


def _all(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def _either(wanted: str | tuple[str, ...]) -> str:
    return " or ".join(_all(wanted))


def _sent(key: str) -> Plugin:
    """Stands for metadata that are sent under a key of their own."""
    plugin = Plugin(Element(key, "", {}))
    plugin.produces = ANYTHING
    return plugin
