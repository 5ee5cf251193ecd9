"""The MindX SDK's error codes and texts, and the exception that carries one.

Source: MxBase ErrorCodes.h (category * 1000 + n). The texts are interfaces: the SDK answers with them where a result
has no text of its own.
"""

from __future__ import annotations

from deploy.errors import ModelError

NOT_INITIALISED = -1  # what the SDK's Python module returns before InitManager

OK = 0
FAILURE = 1001
INNER = 1002
INVALID_POINTER = 1003
INVALID_PARAM = 1004
UNREALIZED = 1005
OUT_OF_MEMORY = 1006
OUT_OF_RANGE = 1009
INIT_FAIL = 1013
NO_EXIST = 1016
OPEN_FAIL = 1019
READ_FAIL = 1020
WRITE_FAIL = 1021
CROP_FAIL = 2001
RESIZE_FAIL = 2002
JPEG_DECODE_FAIL = 2006
JPEG_ENCODE_FAIL = 2007
VIDEO_DECODE_FAIL = 2009
INVALID_FORMAT = 2019
INVALID_IMAGE_WIDTH = 2020
INVALID_IMAGE_HEIGHT = 2021
INVALID_VDEC_CHANNEL = 2022
SET_INPUT_FAIL = 3001
QUEUE_FULL = 5003
STREAM_EXIST = 6001
STREAM_NOT_EXIST = 6002
CHANGE_STATE_FAILED = 6003
INVALID_CONFIG = 6005
INVALID_LINK = 6006
LINK_FAILED = 6007
TRANS_MODE_NOT_MATCHED = 6008
STREAM_TIMEOUT = 6010
ELEMENT_INVALID = 6011
ELEMENT_NOT_EXIST = 6013
INVALID_FACTORY = 6014
INVALID_PROPERTIES = 6015
PAD_UNLINKED = 6016
METADATA_KEY_NO_EXIST = 7011
MEMORY_TYPE_MISMATCH = 11002
METADATA_IS_NULL = 11003
PROTOBUF_NAME_MISMATCH = 11004

MESSAGES = {
    OK: "Success",
    FAILURE: "General Failed",
    INNER: "Internal error",
    INVALID_POINTER: "Invalid Pointer",
    INVALID_PARAM: "Invalid parameter",
    UNREALIZED: "Not implemented",
    OUT_OF_RANGE: "out of range",
    INIT_FAIL: "initialize failed",
    NO_EXIST: "Object, file or other resource doesn't exist",
    OPEN_FAIL: "Device, file or resource open failed",
    READ_FAIL: "Device, file or resource read failed",
    CROP_FAIL: "DVPP: crop fail",
    RESIZE_FAIL: "DVPP: resize fail",
    JPEG_DECODE_FAIL: "DVPP: decode jpeg or jpg fail",
    INVALID_FORMAT: "DVPP: mismatch the image format",
    INVALID_IMAGE_WIDTH: "DVPP: image width out of range",
    INVALID_IMAGE_HEIGHT: "DVPP: image height out of range",
    SET_INPUT_FAIL: "Infer: set input fail",
    STREAM_EXIST: "stream is exist",
    STREAM_NOT_EXIST: "stream is not exist",
    CHANGE_STATE_FAILED: "stream change state failed",
    INVALID_CONFIG: "stream invalid config",
    INVALID_LINK: "stream invalid link",
    LINK_FAILED: "stream link failed",
    TRANS_MODE_NOT_MATCHED: "stream trans mode not match",
    STREAM_TIMEOUT: "stream timeout",
    ELEMENT_INVALID: "stream element invalid",
    ELEMENT_NOT_EXIST: "stream element not exist",
    INVALID_FACTORY: "element invalid factory",
    INVALID_PROPERTIES: "element invalid properties",
    PAD_UNLINKED: "element pad unlinked",
    MEMORY_TYPE_MISMATCH: "MxPlugins: mismatch the memory type",
}


def error_info(code: int) -> str:
    """The SDK's GetErrorInfo: the text of a code in brackets, blanks around it included."""
    return f' (Code = {code}, Message = "{MESSAGES.get(code, "Error code unknown")}") '


class SdkFault(ModelError):
    """What the SDK would answer with an error code: a wrong pipeline, cfg or model file, or an image it refuses."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
