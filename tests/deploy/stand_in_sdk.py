"""A stand-in for the SDK's Python module, as strict as the real one about bytes and str.

It answers each "picture" with what that picture's own bytes say, [code, text] as JSON: the whole file, or the comment
of a JPEG, so that every answer of an SDK can be had, for pictures that other programs can read too.
"""

import json
from pathlib import Path


def answer_in(picture):
    if picture[:2] != b"\xff\xd8":
        return json.loads(picture)
    assert picture[2:4] == b"\xff\xfe", "the JPEG does not begin with a comment"
    return json.loads(picture[6 : 4 + int.from_bytes(picture[4:6], "big")])


class MxDataInput:
    pass


class Answer:
    def __init__(self, code, data):
        self.errorCode, self.data = code, data


class StreamManagerApi:
    def InitManager(self):
        return 0

    def CreateMultipleStreams(self, text):
        assert type(text) is bytes
        ((self.name, self.elements),) = json.loads(text).items()
        self.waiting, self.next_id = {}, 0
        Path("created.json").write_bytes(text)
        return 6015 if "refused" in self.elements else 0

    def DestroyAllStreams(self):
        return 0

    def SendDataWithUniqueId(self, name, plugin, data):
        assert name == self.name.encode() and plugin == 0 and type(data.data) is bytes
        if len(self.waiting) == 2:
            return -1
        self.next_id += 1
        self.waiting[self.next_id] = answer_in(data.data)
        return self.next_id

    def GetResultWithUniqueId(self, name, unique_id, timeout):
        assert type(name) is bytes and type(timeout) is int
        code, text = self.waiting.pop(unique_id)
        return Answer(code, text.encode())
