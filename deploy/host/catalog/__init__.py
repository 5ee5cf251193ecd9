"""Every factory and property that the SDK knows, whether or not the host engine runs it.

Names, defaults and legal values are those of Vision SDK's plugin reference (docs/zh/api/plugins.md) and of the
plugins' own property definitions. What they mean is in the plugins; what is written here is only said here.
"""

from __future__ import annotations

from deploy.host.catalog import drawing, gstreamer, images, models, streams, video
from deploy.host.catalog.entry import Factory
from deploy.host.catalog.properties import Property

CATALOG: dict[str, Factory] = {
    factory.name: factory for part in (gstreamer, images, models, streams, video, drawing) for factory in part.FACTORIES
}


def properties_of(factory: str) -> dict[str, Property]:
    """The property table of a known factory."""
    return dict(CATALOG[factory].properties)
