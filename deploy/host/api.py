"""The SDK's class StreamManagerApi, on a laptop: same arguments, return values and error codes.

Where the SDK insists on bytes, this takes str as well; like the SDK, it returns bytes. Beyond the SDK's surface
there are SetNumerics, SetBackend, LastError, PulledVideo, PluginMilliseconds and ResetPluginMilliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, ClassVar

from compute_mAP.regular_file import read_bounded
from deploy.host import backend
from deploy.host.engine.engine import Engine
from deploy.host.engine.mailbox import Mailbox
from deploy.host.engine.pull import Pulled
from deploy.host.exchange import inputs, outputs
from deploy.host.exchange.structs import (
    MxBufferAndMetadataOutput,
    MxBufferInput,
    MxDataInput,
    MxDataOutput,
    MxProtobufIn,
    OutProtobufVector,
    StringVector,
)
from deploy.host.exchange.text import as_bytes, as_text
from deploy.host.numerics import Numerics, applied, current, numerics_for
from deploy.host.pipeline.read import parse_pipeline
from deploy.sdk_codes import (
    ELEMENT_INVALID,
    FAILURE,
    INVALID_LINK,
    NOT_INITIALISED,
    OK,
    OPEN_FAIL,
    STREAM_EXIST,
    STREAM_NOT_EXIST,
    STREAM_TIMEOUT,
    SdkFault,
    error_info,
)

__all__ = ["MxDataInput", "MxDataOutput", "StreamManagerApi", "StringVector"]

DELAY_TIME = 3000  # ms that GetResult waits where it is not told


class StreamManagerApi:
    """Creates streams from pipeline texts and passes data through them.

    Methods return the SDK's codes (0 is success) and raise nothing; `LastError` has the sentence behind the last
    code that was not 0. appsrc and appsink are named by number, in the order of their names, or by name. Streams
    compute with the numerics of the last SetNumerics before they are created.
    """

    _PATIENT: ClassVar[bool] = False  # whether a limit of GetResult holds while the elements still work on the buffer

    def __init__(self) -> None:
        self._initialised = False
        self._numerics = current()
        self._backend = backend.current()
        self._streams: dict[str, Mailbox] = {}
        self._last_error = ""

    def SetNumerics(self, numerics: str | Numerics, soc: str = "") -> None:
        """Streams created from now on compute so, for that chip (host engine only).

        Without it they compute as numerics.set_default says, which is "float" on an Ascend310 where nobody called it.

        `numerics` is "float", "board" or a switch for each stage. Raises ValueError for another word.
        """
        self._numerics = numerics_for(numerics, soc)

    def SetBackend(self, name: str) -> None:
        """Streams created from now on compute their models so: one of deploy.host.backend.NAMES (host engine only)."""
        assert name in backend.NAMES
        self._backend = name

    def InitManager(self, argStrings: Any = ()) -> int:
        self._initialised = True
        return OK

    def CreateMultipleStreams(self, streamsConfig: Any) -> int:
        """Create all streams of a pipeline text, or none."""
        return self._code("CreateMultipleStreams", lambda: self._create(as_bytes(streamsConfig)))

    def CreateMultipleStreamsFromFile(self, streamsFilePath: Any) -> int:
        """Create all streams of a pipeline file, or none."""

        def create() -> None:
            path = Path(as_text(streamsFilePath))
            try:
                content = read_bounded(path)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", "") or str(error)
                raise SdkFault(OPEN_FAIL, f"cannot read the pipeline {path}: {reason}") from None
            try:
                self._create(content)
            except SdkFault as fault:
                raise SdkFault(fault.code, f"{path}: {fault.sentence}") from None

        return self._code("CreateMultipleStreamsFromFile", create)

    def StopStream(self, streamName: Any) -> int:
        """Stop and remove one stream."""
        return self._code("StopStream", lambda: self._stop([self._find(streamName).engine.name]))

    def DestroyAllStreams(self) -> int:
        """Stop and remove all streams, with the buffers that are still in them."""
        return self._code("DestroyAllStreams", lambda: self._stop(list(self._streams)))

    def SendData(self, streamName: Any, inPlugin: Any, dataInput: Any, bufferInput: MxBufferInput | None = None) -> int:
        """Send an MxDataInput, or a MetadataInputVector and an MxBufferInput; blocks while the stream is full."""

        def send() -> None:
            mailbox, source = self._source(streamName, inPlugin)
            frame = inputs.data(dataInput) if bufferInput is None else inputs.buffer(dataInput, bufferInput)
            mailbox.send(source, frame)

        return self._code("SendData", send)

    def SendProtobuf(self, streamName: Any, inPlugin: Any, protobufVec: Iterable[MxProtobufIn]) -> int:
        """Send metadata without a buffer."""

        def send() -> None:
            mailbox, source = self._source(streamName, inPlugin)
            mailbox.send(source, inputs.protobufs(protobufVec))

        return self._code("SendProtobuf", send)

    def SendDataWithUniqueId(self, streamName: Any, inPlugin: Any, dataInput: MxDataInput) -> int:
        """As SendData; returns the id for GetResultWithUniqueId, 0 or more, or -1 on any failure."""
        try:
            mailbox, source = self._source(streamName, inPlugin)
            return mailbox.send_with_id(source, inputs.data(dataInput))
        except SdkFault as fault:
            self._failed("SendDataWithUniqueId", fault.code, fault.sentence)
            return -1

    def GetResult(self, streamName: Any, outPlugin: Any, *arguments: Any, **named: Any) -> Any:
        """The next result of an appsink, in the order of sending.

        GetResult(streamName, outPluginId, msTimeOut=3000) returns an MxDataOutput with the buffer.
        GetResult(streamName, elementName, dataSourceKeys, msTimeOut=3000) returns an MxBufferAndMetadataOutput with
        the buffer and those metadata of the keys that are there.
        """
        if isinstance(outPlugin, int):
            return self._data(streamName, outPlugin, *arguments, **named)
        return self._data_and_metadata(streamName, outPlugin, *arguments, **named)

    def GetResultWithUniqueId(self, streamName: Any, uniqueId: int, timeOutInMs: int) -> MxDataOutput:
        """The result of one buffer at the first appsink behind its appsrc. One that comes later is dropped."""
        return self._output(
            "GetResultWithUniqueId",
            lambda: self._find(streamName).result_with_id(uniqueId, timeOutInMs / 1000, self._PATIENT)[:2],
        )

    def GetProtobuf(self, streamName: Any, outPluginId: int, keyVec: Iterable[Any]) -> OutProtobufVector:
        """The metadata of the next result of an appsink: those of the keys that are there, empty where none is.

        It waits while buffers are in the stream before that appsink, else the usual 3 seconds.
        """
        keys = [as_text(key) for key in keyVec]
        try:
            result = self._find(streamName).result(outPluginId, DELAY_TIME / 1000, patient=True)
            if result.code != OK:
                self._failed("GetProtobuf", result.code, result.data.decode("utf-8", "replace"))
            found = outputs.protobufs(result, keys)
            if not found and result.code == OK:
                self._nothing_found("GetProtobuf", keys, result.metadata or {})
            return found
        except SdkFault as fault:
            self._failed("GetProtobuf", fault.code, fault.sentence)
            return OutProtobufVector()

    def LastError(self) -> str:
        """The sentence behind the last return code other than 0 (host engine only)."""
        return self._last_error

    def PulledVideo(self, streamName: Any) -> Pulled:
        """How far the elements are that pull video (host engine only)."""
        mailbox = self._streams.get(as_text(streamName))
        return mailbox.engine.pulled() if mailbox else Pulled(True, "", 0, 0)

    def PluginMilliseconds(self, streamName: Any) -> dict[str, float]:
        """Mean wall milliseconds an image in each element that works on it (host engine only)."""
        mailbox = self._streams.get(as_text(streamName))
        return mailbox.engine.milliseconds() if mailbox else {}

    def ResetPluginMilliseconds(self, streamName: Any) -> None:
        """Restart PluginMilliseconds (host engine only)."""
        mailbox = self._streams.get(as_text(streamName))
        if mailbox:
            mailbox.engine.reset_milliseconds()

    def _data(self, stream: Any, sink: int, msTimeOut: int = DELAY_TIME) -> MxDataOutput:
        return self._output("GetResult", lambda: self._find(stream).result(sink, msTimeOut / 1000, self._PATIENT)[:2])

    def _data_and_metadata(
        self, stream: Any, sink: Any, dataSourceVec: Iterable[Any], msTimeOut: int = DELAY_TIME
    ) -> MxBufferAndMetadataOutput:
        try:
            mailbox = self._find(stream)
            names, name = mailbox.engine.sink_names, as_text(sink)
            if name not in names:
                raise SdkFault(ELEMENT_INVALID, f"there is no appsink {name}; the stream has {', '.join(names)}")
            result = mailbox.result(names.index(name), msTimeOut / 1000, self._PATIENT)
            keys = [as_text(key) for key in dataSourceVec]
            output = outputs.buffer_and_metadata(result, keys)
            if keys and not output.metadataVec and output.errorCode == OK:
                self._nothing_found("GetResult", keys, result.metadata or {})
        except SdkFault as fault:
            code = FAILURE if fault.code == STREAM_TIMEOUT else fault.code  # this form says it so, in the SDK
            output = MxBufferAndMetadataOutput(code, fault.sentence.encode("utf-8", "replace"))
        if output.errorCode != OK:
            self._failed("GetResult", output.errorCode, output.errorMsg.decode("utf-8", "replace"))
        return output

    def _create(self, text: bytes) -> None:
        created: dict[str, Mailbox] = {}
        try:
            for stream in parse_pipeline(text):
                if stream.name in self._streams:
                    raise SdkFault(STREAM_EXIST, f"there is already a stream {stream.name}")
                with applied(self._numerics), backend.applied(self._backend):
                    created[stream.name] = Mailbox(Engine(stream))
        except BaseException:
            for mailbox in created.values():
                mailbox.close()
            raise
        self._streams.update(created)

    def _stop(self, names: list[str]) -> None:
        for name in names:
            mailbox = self._streams.pop(name, None)
            if mailbox:  # another thread may have been faster
                mailbox.close()

    def _find(self, name: Any) -> Mailbox:
        if not self._initialised:
            raise _not_initialised()
        try:
            return self._streams[as_text(name)]
        except KeyError:
            known = ", ".join(self._streams) or "none"
            raise SdkFault(STREAM_NOT_EXIST, f"there is no stream {as_text(name)}; there is {known}") from None

    def _source(self, stream: Any, plugin: Any) -> tuple[Mailbox, int]:
        mailbox = self._find(stream)
        names = mailbox.engine.source_names
        wanted = plugin if isinstance(plugin, int) else as_text(plugin)
        if isinstance(wanted, int) and 0 <= wanted < len(names):
            return mailbox, wanted
        if wanted in names:
            return mailbox, names.index(wanted)
        known = ", ".join(f"{number} {name}" for number, name in enumerate(names))
        raise SdkFault(INVALID_LINK, f"there is no appsrc {wanted}; the stream has {known}")

    def _failed(self, call: str, code: int, sentence: str) -> None:
        """A call answers with a code other than OK."""
        self._last_error = sentence

    def _nothing_found(self, call: str, keys: Sequence[str], metadata: Mapping[str, Any]) -> None:
        """A call gives no metadata back, although nothing failed."""

    def _code(self, call: str, action: Callable[[], None]) -> int:
        try:
            if not self._initialised:
                raise _not_initialised()
            action()
        except SdkFault as fault:
            self._failed(call, fault.code, fault.sentence)
            return fault.code
        return OK

    def _output(self, call: str, action: Callable[[], tuple[int, bytes]]) -> MxDataOutput:
        try:
            code, data = action()
        except SdkFault as fault:
            code, data = fault.code, fault.sentence.encode("utf-8", "replace")
        if code != OK:
            self._failed(call, code, data.decode("utf-8", "replace"))
        # an empty buffer comes back as the text of its code, also of 0: an image without detections
        return MxDataOutput(code, data or error_info(code).encode())


def _not_initialised() -> SdkFault:
    return SdkFault(NOT_INITIALISED, "the manager is not initialised; call InitManager first")
