"""What all plugins share: a name, properties, the element they take their input from."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from deploy.host.description import Element
from deploy.host.frame import Frame
from deploy.host.nearest import did_you_mean
from deploy.host.properties import Property
from deploy.sdk_codes import INVALID_LINK, INVALID_PROPERTIES, SdkFault

log = logging.getLogger("deploy.host")

PICTURE, TENSORS, OBJECTS = "a picture", "tensors", "objects"


class Plugin:
    """One element of a running stream.

    Create, `connect`, then `process` frames from several threads at once, then `close`. Subclasses say their factory's
    properties and what they leave in a frame's metadata under their name ("" for nothing).
    """

    PROPERTIES: ClassVar[Mapping[str, Property]] = {}
    produces: str = ""
    # sizes are (width, height) in pixels; None where a plugin has no such thing or takes any
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    output_shapes: Sequence[Sequence[int]] | None = None

    def __init__(self, element: Element) -> None:
        self.name = element.name
        self.values: dict[str, Any] = element.values

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        """Look at the neighbours once all plugins exist. Raises SdkFault for what does not fit."""

    def process(self, frame: Frame) -> None:
        """Work on one frame. Raises SdkFault, which then travels downstream in place of a result."""
        raise NotImplementedError

    def close(self) -> None:
        """The stream is going down: let go of what `process` may be busy with."""

    def fault(self, code: int, sentence: str) -> SdkFault:
        return SdkFault(code, f"{self.name}: {sentence}")

    def source(self, upstream: Sequence[Plugin], wanted: str, *properties: str) -> Plugin:
        """The plugin whose metadata this one takes: the one that `properties` name, or the nearest that has `wanted`.

        Raises SdkFault 6015 for a name that is not upstream, 6006 where what is there is not `wanted`.
        """
        names = {plugin.name: plugin for plugin in upstream}
        for key in properties:
            name = self.values.get(key, "")
            if name in ("", "auto"):
                continue
            if name not in names:
                raise self.fault(
                    INVALID_PROPERTIES, f'{key} is "{name}", which no element before it is{did_you_mean(name, names)}'
                )
            if names[name].produces != wanted:
                raise self.fault(INVALID_LINK, f"{key} is {name}, which does not hand on {wanted}")
            return names[name]
        nearest = next((plugin for plugin in reversed(upstream) if plugin.produces), None)
        if nearest is None or nearest.produces != wanted:
            found = f"{nearest.name} hands on {nearest.produces}" if nearest else "there is none"
            raise self.fault(INVALID_LINK, f"it needs {wanted} from an element before it; {found}")
        return nearest
