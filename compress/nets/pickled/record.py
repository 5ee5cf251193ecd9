"""What stands for an object of a checkpoint's own classes: its class name and its attributes, and no behaviour."""

from __future__ import annotations

from typing import Any


class Record:
    """An object of a known class.

    Attributes:
        kind: the class with its module, such as "models.yolo.Model". Nothing that a file says can change it.
        arguments: what it was made with.
        attributes: what the file gives it, by name; they can also be read as attributes of the record.
    """

    kind = ""

    def __init__(self, *arguments: Any, **_: Any) -> None:
        self.__dict__["arguments"] = arguments

    def __getattr__(self, name: str) -> Any:
        """Called for what the class does not have, so that no attribute of a file hides a method or `kind`."""
        own = self.__dict__
        if name == "attributes":
            return own.setdefault("attributes", {})
        if name == "arguments":
            return ()
        try:
            return own.get("attributes", {})[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.attributes.update({key: value for key, value in part.items() if isinstance(key, str)})

    # items of namespaces and of containers: kept, never acted upon
    def __setitem__(self, key: Any, value: Any) -> None:
        self.attributes.setdefault("items_", {})[key] = value

    def append(self, value: Any) -> None:
        self.extend([value])

    def extend(self, values: Any) -> None:
        kept = self.attributes.setdefault("list_", [])
        if isinstance(kept, list) and isinstance(values, list):
            kept.extend(values)

    @property
    def class_name(self) -> str:
        """The class without its module."""
        return self.kind.rpartition(".")[2]
