"""fakesink: the end of a branch that nobody wants."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.plugins.base import Plugin


class FakeSink(Plugin):
    PROPERTIES: ClassVar = properties_of("fakesink")
    passive = True
