"""tee: one input to several outputs, which the engine does for every element."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.plugins.base import Plugin


class Tee(Plugin):
    PROPERTIES: ClassVar = properties_of("tee")
    passive = True
