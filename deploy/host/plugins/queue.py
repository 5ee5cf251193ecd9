"""queue: on the board a thread of its own with a bounded backlog; here only its leaks matter (engine/leaks.py)."""

from __future__ import annotations

from typing import ClassVar

from deploy.host.catalog import properties_of
from deploy.host.plugins.base import Plugin


class Queue(Plugin):
    PROPERTIES: ClassVar = properties_of("queue")
    passive = True
