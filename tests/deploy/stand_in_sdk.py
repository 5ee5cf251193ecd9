"""A stand-in for the SDK's Python module, as strict as the real one about names and about bytes and str.

Its classes have the attributes of the SDK's header and no others; a std::string takes bytes, an int an int. It answers
each "image" with what that image's own bytes say, as JSON, so that every answer of an SDK can be had, for images
that other programs can read too: the whole file, or the comment of a JPEG. [code, text] is a result with that code and
text; [code, {key: message in base64}] is what GetProtobuf gives. A code below 0 refuses the image.
"""

import base64
import json
import os
from pathlib import Path

PENDING = 2  # images that a stream takes before it refuses the next


def answer_in(image):
    if image[:2] != b"\xff\xd8":
        return json.loads(image)
    assert image[2:4] == b"\xff\xfe", "the JPEG does not begin with a comment"
    return json.loads(image[6 : 4 + int.from_bytes(image[4:6], "big")])


def fields(**kinds):
    return kinds


class Struct:
    """Attributes and their types, nothing else; a SWIG proxy would swallow a misspelt one in silence."""

    FIELDS = fields()

    def __init__(self):
        for name, kind in self.FIELDS.items():
            object.__setattr__(self, name, kind())

    def __setattr__(self, name, value):
        if name not in self.FIELDS:
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        if type(value) is not self.FIELDS[name]:
            raise TypeError(f"in method '{type(self).__name__}_{name}_set', argument 2 of type {self.FIELDS[name]}")
        object.__setattr__(self, name, value)


class RoiBox(Struct):
    FIELDS = fields(x0=float, y0=float, x1=float, y1=float)


class Vector:
    KIND = object

    def __init__(self):
        self._items = []

    def push_back(self, item):
        if type(item) is not self.KIND:
            raise TypeError(f"in method '{type(self).__name__}_push_back', argument 2 of type {self.KIND}")
        self._items.append(item)

    def size(self):
        return len(self._items)

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]


class RoiBoxVector(Vector):
    KIND = RoiBox


class MxDataInput(Struct):
    FIELDS = fields(data=bytes, fragmentId=int, customParam=bytes, roiBoxs=RoiBoxVector)


class MxProtobufIn(Struct):
    FIELDS = fields(key=bytes, type=bytes, protobuf=bytes)


class MxDataOutput(Struct):
    FIELDS = fields(errorCode=int, data=bytes)


class MxProtobufOut(Struct):
    FIELDS = fields(errorCode=int, messageName=bytes, messageBuf=bytes)


class StringVector(Vector):
    KIND = bytes


class InProtobufVector(Vector):
    KIND = MxProtobufIn


class OutProtobufVector(Vector):
    KIND = MxProtobufOut


def checked(name, argument, kind):
    if type(argument) is not kind:
        raise TypeError(f"in method 'StreamManagerApi_{name}', argument of type {kind}, got {type(argument)}")


class StreamManagerApi:
    def __init__(self):
        self.__started = False
        self.__mode = None
        self.__by_id = {}
        self.__in_order = []
        self.__sent = 0

    def InitManager(self, argStrings=None):
        self.__started = True
        return 0

    def CreateMultipleStreams(self, streamsConfig):
        checked("CreateMultipleStreams", streamsConfig, bytes)
        if not self.__started:
            return -1
        ((self.__name, elements),) = json.loads(streamsConfig).items()
        Path("created.json").write_bytes(streamsConfig)
        for element in elements.values():
            # Vision SDK's plugin opens a C++ library whatever the language is
            if element.get("props", {}).get("funcLanguage") == "python" and os.environ.get("REFUSES_PYTHON"):
                return 1016
        return 6015 if "refused" in elements else 0

    def DestroyAllStreams(self):
        self.__started = False
        return 0

    def SendData(self, streamName, inPluginId, dataInput):
        return -1 if self.__taken("SendData", streamName, inPluginId, dataInput, self.__in_order) is None else 0

    def GetProtobuf(self, streamName, outPluginId, keyVec):
        for argument, kind in ((streamName, bytes), (outPluginId, int), (keyVec, StringVector)):
            checked("GetProtobuf", argument, kind)
        code, messages = self.__in_order.pop(0)
        out = OutProtobufVector()
        for key in keyVec:
            if key.decode() in messages:
                entry = MxProtobufOut()
                entry.errorCode, entry.messageName = code, key
                entry.messageBuf = base64.b64decode(messages[key.decode()])
                out.push_back(entry)
        return out

    def SendDataWithUniqueId(self, streamName, inPluginId, dataInput):
        unique_id = self.__taken("SendDataWithUniqueId", streamName, inPluginId, dataInput, self.__by_id)
        return -1 if unique_id is None else unique_id

    def GetResult(self, streamName, outPluginId, timeOutInMs):
        """What a stream that pulls its video gives: the answers in PULLED one after the other, then nothing (6010)."""
        for argument, kind in ((streamName, bytes), (outPluginId, int), (timeOutInMs, int)):
            checked("GetResult", argument, kind)
        assert streamName == self.__name.encode() and outPluginId == 0 and self.__mode is None
        self.__sent += 1
        answers = json.loads(os.environ["PULLED"])
        code, text = answers[self.__sent - 1] if self.__sent <= len(answers) else (6010, "")
        out = MxDataOutput()
        out.errorCode, out.data = code, text.encode()
        return out

    def GetResultWithUniqueId(self, streamName, uniqueId, timeOutInMs):
        for argument, kind in ((streamName, bytes), (uniqueId, int), (timeOutInMs, int)):
            checked("GetResultWithUniqueId", argument, kind)
        code, text = self.__by_id.pop(uniqueId)
        out = MxDataOutput()
        out.errorCode, out.data = code, text.encode()
        return out

    def __taken(self, method, name, plugin, data, waiting):
        for argument, kind in ((name, bytes), (plugin, int), (data, MxDataInput)):
            checked(method, argument, kind)
        assert name == self.__name.encode() and plugin == 0
        assert self.__mode in (None, method), "6008: the two ways of sending do not go together"
        self.__mode = method
        answer = answer_in(data.data)
        if len(waiting) == PENDING or answer[0] < 0:
            return None
        self.__sent += 1
        if isinstance(waiting, dict):
            waiting[self.__sent] = answer
        else:
            waiting.append(answer)
        return self.__sent
