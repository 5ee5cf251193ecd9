"""The JSON text of an MxpiObjectList, character for character as mxpi_dataserialize writes it.

The SDK prints protobuf as JSON and lets another library print that again; both leave their marks on numbers.
"""

from __future__ import annotations

import math
from array import array
from json.encoder import encode_basestring as quoted

import numpy as np

from deploy.host.metadata.values import Objects

_NAMED = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_TINY = float(np.finfo(np.float32).tiny)  # the smallest normal number


def object_list_json(objects: Objects, with_header: bool) -> bytes:
    """UTF-8 text {"MxpiObject":[...]}, keys in alphabetical order, no blanks.

    `with_header` (eraseHeaderVecFlag 0) adds each object's headerVec, which names the element it came through.
    """
    texts = float_texts(objects.detections[:, :5])
    class_ids = map(int, objects.detections[:, 5].tolist())
    count = len(objects.names)
    headers = [""] * count
    if with_header:
        members = [0] * count if objects.members is None else objects.members.tolist()
        source = quoted(objects.data_source)
        headers = [f'"headerVec":[{{"dataSource":{source},"memberId":{n},"parentName":""}}],' for n in members]
    parts = [
        f'{{"classVec":[{{"classId":{class_id},"className":{quoted(name)},"confidence":{confidence},"headerVec":[]}}],'
        f'{header}"x0":{x0},"x1":{x1},"y0":{y0},"y1":{y1}}}'
        for class_id, name, header, (x0, y0, x1, y1, confidence) in zip(class_ids, objects.names, headers, texts)
    ]
    return ('{"MxpiObject":[' + ",".join(parts) + "]}").encode("utf-8", "replace") if parts else b"{}"


def float_texts(values: np.ndarray) -> list[list[str]]:
    """The texts of float32 [n, k]: six significant digits, or nine where six do not read back to the same float32.

    A text without "." and "e" is an integer to the second library (2.0 is printed as 2), one with an exponent a
    double, which it prints in its own way (1e+06 as 1000000.0). NaN and the infinities become strings.
    """
    texts = protobuf_texts(values.astype(np.float32).ravel())
    texts = [text if text.lstrip("-").replace(".", "", 1).isdigit() else reprinted(text) for text in texts]
    texts = ["0" if text == "-0" else text for text in texts]
    width = values.shape[1]
    return [texts[start : start + width] for start in range(0, len(texts), width)]


def protobuf_texts(flat: np.ndarray) -> list[str]:
    """The texts of float32 [n] as protobuf writes them."""
    values = flat.tolist()
    short = [f"{value:.6g}" for value in values]
    read_back = array("f", map(float, short))  # a few numbers: an array of numpy's would take longer
    # a subnormal counts as not read back
    texts = [
        text if again == value and (abs(value) >= _TINY or not value) else f"{value:.9g}"
        for text, again, value in zip(short, read_back, values)
    ]
    return texts if all(map(math.isfinite, values)) else [_NAMED.get(text, text) for text in texts]


def reprinted(text: str) -> str:
    """A text of protobuf as the second library prints it."""
    if text.lstrip("-").replace(".", "", 1).isdigit():
        return "0" if text == "-0" else text
    if text.startswith('"'):
        return text
    value = float(text)
    # it goes over to exponents one power of ten before Python does
    return text if 1e15 <= abs(value) < 1e16 else repr(value)
