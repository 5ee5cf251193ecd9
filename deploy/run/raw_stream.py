"""A stream whose raw tensors the driver fetches and decodes itself, on the board's SDK or on the host engine."""

from __future__ import annotations

from typing import Any

from deploy.acl.device import is_lost
from deploy.errors import EnvironmentFault, ModelError
from deploy.run.raw_pipeline import RawDecoder, RawPipeline
from deploy.run.stream import Engine, Outcome, Stream


class RawStream(Stream):
    """As Stream; results come in the order of sending, and `receive` is to be called in that order.

    Raises what Stream and RawDecoder raise.
    """

    def __init__(self, engine: Engine, end: RawPipeline, name: str, numerics: Any = "float", soc: str = "") -> None:
        self._decode = RawDecoder(end)
        super().__init__(engine, end.text, name, numerics, soc)
        self._wanted = end.keys
        self._keys = engine.module.StringVector()
        for key in end.keys:
            self._keys.push_back(key.encode())
        self._sent = 0
        self._refused = 0

    def send(self, image: bytes) -> int:
        data = self._input()
        data.data = image
        code = self._api.SendData(self._name, 0, data)
        if code != 0:
            self._refused = code
            return -1
        self._sent += 1
        return self._sent

    def receive(self, unique_id: int) -> Outcome:
        # SDK 2.0.4 has no other way to metadata; this one waits as long as it takes
        entries = list(self._api.GetProtobuf(self._name, 0, self._keys))
        if lost := is_lost():
            raise EnvironmentFault(lost)
        failed = [entry.errorCode for entry in entries if entry.errorCode != 0]
        if failed:
            return Outcome([], f"the stream answers with error {failed[0]}: {self._reason(failed[0])}")
        if len(entries) != len(self._wanted):
            return Outcome([], f"the stream answers without the model's tensors: {self._reason(-1)}")
        try:
            return Outcome(self._decode(_in_order(entries, self._wanted)))
        except (ValueError, ModelError) as fault:
            return Outcome([], str(fault))

    def refusal(self) -> str:
        return f"the stream refuses it: {self._reason(self._refused)}"


def _in_order(entries: list[Any], keys: tuple[str, ...]) -> list[bytes]:
    """The messages in the order of the keys: by their names where these are the keys, else as they come."""
    named = {bytes(entry.messageName).decode("utf-8", "replace"): entry for entry in entries}
    ordered = [named[key] for key in keys] if set(keys) <= set(named) else entries
    return [bytes(entry.messageBuf) for entry in ordered]
