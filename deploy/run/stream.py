"""One stream on the board's SDK or on the host engine, the model on the CPU or the chip: the only file that knows all.

The calls are those of the SDK's Python module; its build takes and returns bytes, never str.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from typing import Any, NamedTuple

from deploy.acl.device import Device, is_lost, open_device
from deploy.acl.find_acl import find_acl
from deploy.console import note
from deploy.errors import EnvironmentFault, ModelError
from deploy.results.detections import Detection, parse_objects
from deploy.sdk_codes import STREAM_TIMEOUT, SdkFault

SDK_MODULE = "StreamManagerApi"
BOARD, ACL, HOST = ON = ("board", "acl", "host")
TIMEOUT_MS = 60_000
"""How long to wait for an image. The SDK's usual 3 s are too short where the first image waits for the model."""


class Engine(NamedTuple):
    """The module with the SDK's classes, whether it is the host engine's, and whether models run on the chip there."""

    module: Any
    host: bool
    acl: bool = False

    @property
    def on(self) -> str:
        """What --on calls it."""
        return ACL if self.acl else HOST if self.host else BOARD

    def to_text(self) -> str:
        """Where a model runs, in words."""
        if self.acl:
            return f"on acl: the host engine with the .om on the chip, {find_acl().soc}"
        return "on host: the host engine with the ONNX on the CPU" if self.host else "on board: the MindX SDK"


class Outcome(NamedTuple):
    """The objects of an image, or, where `fault` is not empty, the sentence that says why there are none."""

    objects: list[Detection]
    fault: str = ""


def find_engine(on: str | None = None, built: bool = False) -> Engine:
    """The board's SDK, or the host engine with models on the chip ("acl") or on the CPU ("host").

    `on` is one of ON or None: the SDK if it imports; else the chip where CANN's acl imports and `built` says that the
    stream's models are there as .om; else the CPU. Raises EnvironmentFault where what is asked for is not there.
    """
    if on in (None, BOARD):
        try:
            return Engine(importlib.import_module(SDK_MODULE), False)
        except ImportError as fault:
            if on == BOARD:
                raise EnvironmentFault(
                    f"the SDK's module {SDK_MODULE} cannot be imported ({fault}); source the set_env.sh of the CANN "
                    "toolkit, then the one of the MindX SDK"
                ) from None
            if fault.name != SDK_MODULE:
                note(f"{SDK_MODULE} is there but cannot be imported ({fault}), so the host engine runs instead")
    chip = on == ACL or (on is None and built and find_acl().soc != "")
    if chip and (why := find_acl().why):
        raise EnvironmentFault(f"the chip cannot be used through acl: {why}")
    if not chip and not _is_installed("onnxruntime"):
        raise EnvironmentFault(
            "the host engine computes ONNX files with onnxruntime, which is not here: run.sh sets it up, or pip install"
            " onnxruntime; where CANN's acl imports and the bundle has a model.om, it is not needed"
        )
    try:
        return Engine(importlib.import_module("deploy.host.api"), True, chip)
    except ImportError as fault:
        raise EnvironmentFault(
            f"the host engine cannot be imported ({fault}); it needs numpy and opencv-python: run.sh sets them up, or "
            "pip install them (on a board: apt install python3-numpy python3-opencv)"
        ) from None


class Stream:
    """An open stream; relative paths in its pipeline are those of the current folder, also after it has been opened.

    `text` is the pipeline, `name` its stream. `numerics` ("board", "float" or one switch a stage) and the chip, such as
    Ascend310, are for the host engine; with models on a chip, they are the chip's own. Use it in a `with` block, which
    closes it. `on` is one of ON; `host` whether models run on this machine's CPU.

    Raises EnvironmentFault where the engine does not start, ModelError where it refuses the pipeline.
    """

    def __init__(self, engine: Engine, text: str, name: str, numerics: Any = "float", soc: str = "") -> None:
        module, self._ours, acl = engine
        self.on, self.host = engine.on, engine.host and not acl
        self.numerics = str(numerics) if self.host else "board"
        self._name = name.encode()
        self._input = module.MxDataInput
        self._api = module.StreamManagerApi()
        self._device: Device | None = None
        if acl:
            self._device = _open_device(text, name)
            self._api.SetBackend("acl")
            self._api.SetNumerics("board", find_acl().soc)
        elif self._ours:
            self._api.SetNumerics(numerics, soc)
        code = self._api.InitManager()
        if code != 0:
            raise EnvironmentFault(f"the stream manager does not start: {self._reason(code)}")
        code = self._api.CreateMultipleStreams(text.encode())
        if code != 0:
            reason = self._reason(code)
            self._close()
            raise ModelError(f"the stream '{name}' cannot be created: {reason}")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def send(self, image: bytes) -> int:
        """Hand over an encoded image; returns its id for `receive`, or a negative number where it was not taken."""
        data = self._input()
        data.data = image
        return int(self._api.SendDataWithUniqueId(self._name, 0, data))

    def receive(self, unique_id: int) -> Outcome:
        """Wait for the result of an image that was sent. Raises EnvironmentFault where the chip answers no more."""
        return self._outcome(self._api.GetResultWithUniqueId(self._name, unique_id, TIMEOUT_MS))

    def pulled(self, milliseconds: int) -> Outcome | None:
        """The next result of a stream that pulls its video; None where there is none within that time.

        Raises EnvironmentFault where the chip answers no more.
        """
        result = self._api.GetResult(self._name, 0, milliseconds)
        if result.errorCode == STREAM_TIMEOUT and not is_lost():
            return None
        return self._outcome(result)

    def pulled_so_far(self) -> Any:
        """deploy.host.engine.pull.Pulled of the host engine; None on a board, which cannot tell."""
        return self._api.PulledVideo(self._name) if self._ours else None

    def refusal(self) -> str:
        """Why `send` gave a negative number."""
        return f"the stream refuses it: {self._reason(-1)}"

    def plugin_milliseconds(self) -> dict[str, float]:
        """Mean wall time an image in each plugin since the last reset; empty on a board, which cannot tell."""
        return self._api.PluginMilliseconds(self._name) if self._ours else {}

    def reset_plugin_milliseconds(self) -> None:
        if self._ours:
            self._api.ResetPluginMilliseconds(self._name)

    def _outcome(self, result: Any) -> Outcome:
        text = bytes(result.data).decode("utf-8", "replace")
        if result.errorCode != 0 and (lost := is_lost()):
            raise EnvironmentFault(lost)
        if result.errorCode != 0:
            return Outcome([], f"the stream answers with error {result.errorCode}: {text.strip() or 'no text'}")
        try:
            return Outcome(parse_objects(text))
        except ValueError as fault:
            return Outcome([], str(fault))

    def _close(self) -> None:
        self._api.DestroyAllStreams()
        if self._device is not None:
            self._device.close()

    def _reason(self, code: int) -> str:
        return self._api.LastError() if self._ours else f"the SDK answers with {code}; its log says more"


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _open_device(text: str, name: str) -> Device:
    """The chip that the stream names. Raises EnvironmentFault where it cannot be used."""
    config = json.loads(text).get(name, {}).get("stream_config")
    number = config.get("deviceId", "0") if isinstance(config, dict) else "0"
    try:
        return open_device(int(number) if str(number).isdecimal() else 0)
    except SdkFault as fault:
        raise EnvironmentFault(fault.sentence) from None
