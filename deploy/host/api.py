"""The SDK's Python module StreamManagerApi, on a laptop: same classes, arguments, return values and error codes.

Where the SDK insists on bytes, this takes str as well; what it returns is bytes, as there. Beyond the SDK's surface
there are LastError, PluginMilliseconds and ResetPluginMilliseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from deploy.host.engine import Engine
from deploy.host.frame import Frame
from deploy.host.mailbox import Mailbox
from deploy.host.pipeline import parse_pipeline
from deploy.sdk_codes import (
    INVALID_LINK,
    NOT_INITIALISED,
    OK,
    OPEN_FAIL,
    STREAM_EXIST,
    STREAM_NOT_EXIST,
    SdkFault,
    error_info,
)


class StringVector(list):
    """std::vector<std::string> as SWIG presents it."""

    def push_back(self, value: Any) -> None:
        self.append(value)

    def size(self) -> int:
        return len(self)


class MxDataInput:
    """What SendData takes: `data` is an encoded picture."""

    def __init__(self) -> None:
        self.data: Any = b""
        self.fragmentId = 0
        self.customParam = ""
        self.roiBoxs: list[Any] = []


class MxDataOutput:
    """What GetResult returns: `errorCode` 0 and the text, or another code and why."""

    def __init__(self, errorCode: int = OK, data: bytes = b"") -> None:
        self.errorCode = errorCode
        self.data = data


class StreamManagerApi:
    """Creates streams from pipeline texts and passes data through them.

    Methods return the SDK's codes (0 is success) and raise nothing; `LastError` has the sentence behind the last
    code that was not 0.
    """

    def __init__(self) -> None:
        self._initialised = False
        self._streams: dict[str, Mailbox] = {}
        self._last_error = ""

    def InitManager(self, argStrings: Any = ()) -> int:
        self._initialised = True
        return OK

    def CreateMultipleStreams(self, streamsConfig: Any) -> int:
        """Create all streams of a pipeline text, or none."""
        return self._code(lambda: self._create(_bytes(streamsConfig)))

    def CreateMultipleStreamsFromFile(self, streamsFilePath: Any) -> int:
        """Create all streams of a pipeline file, or none."""

        def create() -> None:
            path = Path(_text(streamsFilePath))
            try:
                content = path.read_bytes()
            except OSError as error:
                raise SdkFault(OPEN_FAIL, f"cannot read the pipeline {path}: {error.strerror}") from None
            try:
                self._create(content)
            except SdkFault as fault:
                raise SdkFault(fault.code, f"{path}: {fault.sentence}") from None

        return self._code(create)

    def StopStream(self, streamName: Any) -> int:
        """Stop and remove one stream."""
        return self._code(lambda: self._stop([self._find(streamName).engine.name]))

    def DestroyAllStreams(self) -> int:
        """Stop and remove all streams, with whatever is still on its way in them."""
        return self._code(lambda: self._stop(list(self._streams)))

    def SendData(self, streamName: Any, inPlugin: Any, dataInput: MxDataInput) -> int:
        """Send into the appsrc with that number (0) or name; blocks while the stream is full."""
        return self._code(lambda: self._send(streamName, inPlugin, dataInput))

    def GetResult(self, streamName: Any, outPluginId: int, msTimeOut: int = 3000) -> MxDataOutput:
        """The next result in the order of sending, from the appsink with that number (0)."""

        def get() -> tuple[int, bytes]:
            result = self._find(streamName).result(outPluginId, msTimeOut / 1000)
            return result.code, result.data

        return self._output(get)

    def SendDataWithUniqueId(self, streamName: Any, inPlugin: Any, dataInput: MxDataInput) -> int:
        """As SendData; returns the id for GetResultWithUniqueId, 0 or more, or -1 on any failure."""
        try:
            mailbox, source = self._source(streamName, inPlugin)
            return mailbox.send_with_id(source, Frame(_bytes(dataInput.data)))
        except SdkFault as fault:
            self._last_error = fault.sentence
            return -1

    def GetResultWithUniqueId(self, streamName: Any, uniqueId: int, timeOutInMs: int) -> MxDataOutput:
        """The result of one picture. A result that comes after the timeout is dropped."""
        return self._output(lambda: self._find(streamName).result_with_id(uniqueId, timeOutInMs / 1000)[:2])

    def LastError(self) -> str:
        """The sentence behind the last return code other than 0 (host engine only)."""
        return self._last_error

    def PluginMilliseconds(self, streamName: Any) -> dict[str, float]:
        """Mean wall milliseconds a picture in each element between appsrc and appsink (host engine only)."""
        mailbox = self._streams.get(_text(streamName))
        return mailbox.engine.milliseconds() if mailbox else {}

    def ResetPluginMilliseconds(self, streamName: Any) -> None:
        """Begin PluginMilliseconds anew (host engine only)."""
        mailbox = self._streams.get(_text(streamName))
        if mailbox:
            mailbox.engine.reset_milliseconds()

    def _create(self, text: bytes) -> None:
        created: dict[str, Mailbox] = {}
        try:
            for stream in parse_pipeline(text):
                if stream.name in self._streams:
                    raise SdkFault(STREAM_EXIST, f"there is already a stream {stream.name}")
                created[stream.name] = Mailbox(Engine(stream))
        except SdkFault:
            for mailbox in created.values():
                mailbox.close()
            raise
        self._streams.update(created)

    def _stop(self, names: list[str]) -> None:
        for name in names:
            self._streams.pop(name).close()

    def _find(self, name: Any) -> Mailbox:
        if not self._initialised:
            raise _not_initialised()
        try:
            return self._streams[_text(name)]
        except KeyError:
            known = ", ".join(self._streams) or "none"
            raise SdkFault(STREAM_NOT_EXIST, f"there is no stream {_text(name)}; there is {known}") from None

    def _send(self, stream: Any, plugin: Any, data: MxDataInput) -> None:
        mailbox, source = self._source(stream, plugin)
        mailbox.send(source, Frame(_bytes(data.data)))

    def _source(self, stream: Any, plugin: Any) -> tuple[Mailbox, int]:
        mailbox = self._find(stream)
        names = mailbox.engine.source_names
        wanted = plugin if isinstance(plugin, int) else _text(plugin)
        if isinstance(wanted, int) and 0 <= wanted < len(names):
            return mailbox, wanted
        if wanted in names:
            return mailbox, names.index(wanted)
        known = ", ".join(f"{number} {name}" for number, name in enumerate(names))
        raise SdkFault(INVALID_LINK, f"there is no appsrc {wanted}; the stream has {known}")

    def _code(self, action: Callable[[], None]) -> int:
        try:
            if not self._initialised:
                raise _not_initialised()
            action()
        except SdkFault as fault:
            self._last_error = fault.sentence
            return fault.code
        return OK

    def _output(self, action: Callable[[], tuple[int, bytes]]) -> MxDataOutput:
        try:
            code, data = action()
        except SdkFault as fault:
            code, data = fault.code, fault.sentence.encode("utf-8", "replace")
        if code != OK:
            self._last_error = data.decode("utf-8", "replace")
        # an empty buffer comes back as the text of its code, also of 0: a picture without detections
        return MxDataOutput(code, data or error_info(code).encode())


def _not_initialised() -> SdkFault:
    return SdkFault(NOT_INITIALISED, "the manager is not initialised; call InitManager first")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)


def _bytes(value: Any) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)
