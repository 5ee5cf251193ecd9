"""One stream on the board's SDK or on the host engine: the only file that knows both.

The calls are those of the SDK's Python module; its build takes and returns bytes, never str.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from deploy.console import note
from deploy.errors import EnvironmentFault, ModelError
from deploy.results.detections import Detection, parse_objects

SDK_MODULE = "StreamManagerApi"
TIMEOUT_MS = 60_000
"""How long to wait for an image. The SDK's usual 3 s are too short where the first image waits for the model."""


class Engine(NamedTuple):
    """The module with the SDK's classes, and whether it is the host engine's."""

    module: Any
    host: bool


class Outcome(NamedTuple):
    """The objects of an image, or, where `fault` is not empty, the sentence that says why there are none."""

    objects: list[Detection]
    fault: str = ""


def find_engine(on: str | None = None) -> Engine:
    """The board's SDK or the host engine. `on` is "board", "host" or None: the SDK if it imports, else the host engine.

    Raises EnvironmentFault where the one that is asked for does not import.
    """
    if on != "host":
        try:
            return Engine(importlib.import_module(SDK_MODULE), False)
        except ImportError as fault:
            if on == "board":
                raise EnvironmentFault(
                    f"the SDK's module {SDK_MODULE} cannot be imported ({fault}); source the set_env.sh of the CANN "
                    "toolkit, then the one of the MindX SDK"
                ) from None
            if fault.name != SDK_MODULE:
                note(f"{SDK_MODULE} is there but cannot be imported ({fault}), so the host engine runs instead")
    try:
        return Engine(importlib.import_module("deploy.host.api"), True)
    except ImportError as fault:
        raise EnvironmentFault(
            f"the host engine cannot be imported ({fault}); it needs numpy, opencv-python and onnxruntime: "
            "run.sh sets them up, or pip install them"
        ) from None


class Stream:
    """An open stream; relative paths in its pipeline are those of the current folder, also after it has been opened.

    `text` is the pipeline, `name` its stream. `numerics` ("board", "float" or one switch a stage) and the chip, such as
    Ascend310, are for the host engine. Use it in a `with` block, which closes it.

    Raises EnvironmentFault where the engine does not start, ModelError where it refuses the pipeline.
    """

    def __init__(self, engine: Engine, text: str, name: str, numerics: Any = "float", soc: str = "") -> None:
        module, self.host = engine
        self.numerics = str(numerics) if self.host else "board"
        self._name = name.encode()
        self._input = module.MxDataInput
        self._api = module.StreamManagerApi()
        if self.host:
            self._api.SetNumerics(numerics, soc)
        code = self._api.InitManager()
        if code != 0:
            raise EnvironmentFault(f"the stream manager does not start: {self._reason(code)}")
        code = self._api.CreateMultipleStreams(text.encode())
        if code != 0:
            reason = self._reason(code)
            self._api.DestroyAllStreams()
            raise ModelError(f"the stream '{name}' cannot be created: {reason}")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.DestroyAllStreams()

    def send(self, image: bytes) -> int:
        """Hand over an encoded image; returns its id for `receive`, or a negative number where it was not taken."""
        data = self._input()
        data.data = image
        return int(self._api.SendDataWithUniqueId(self._name, 0, data))

    def receive(self, unique_id: int) -> Outcome:
        """Wait for the result of an image that was sent."""
        result = self._api.GetResultWithUniqueId(self._name, unique_id, TIMEOUT_MS)
        text = bytes(result.data).decode("utf-8", "replace")
        if result.errorCode != 0:
            return Outcome([], f"the stream answers with error {result.errorCode}: {text.strip() or 'no text'}")
        try:
            return Outcome(parse_objects(text))
        except ValueError as fault:
            return Outcome([], str(fault))

    def refusal(self) -> str:
        """Why `send` gave a negative number."""
        return f"the stream refuses it: {self._reason(-1)}"

    def plugin_milliseconds(self) -> dict[str, float]:
        """Mean wall time an image in each plugin since the last reset; empty on a board, which cannot tell."""
        return self._api.PluginMilliseconds(self._name) if self.host else {}

    def reset_plugin_milliseconds(self) -> None:
        if self.host:
            self._api.ResetPluginMilliseconds(self._name)

    def _reason(self, code: int) -> str:
        return self._api.LastError() if self.host else f"the SDK answers with {code}; its log says more"
