"""The JSON text of an MxpiObjectList, character for character as mxpi_dataserialize writes it.

The SDK prints protobuf as JSON and lets another library print that again; both leave their marks on numbers.
"""

from __future__ import annotations

import json

import numpy as np

from deploy.host.frame import Objects


def object_list_json(objects: Objects, with_header: bool) -> bytes:
    """UTF-8 text {"MxpiObject":[...]}, keys in alphabetical order, no blanks.

    `with_header` (eraseHeaderVecFlag 0) adds each object's headerVec, which names the element it came through.
    """
    texts = float_texts(objects.detections[:, :5])
    class_ids = objects.detections[:, 5].astype(int).tolist()
    source = json.dumps(objects.data_source, ensure_ascii=False)
    header = f'"headerVec":[{{"dataSource":{source},"memberId":0,"parentName":""}}],' if with_header else ""
    quoted = {name: json.dumps(name, ensure_ascii=False) for name in set(objects.names)}
    parts = [
        f'{{"classVec":[{{"classId":{class_id},"className":{quoted[name]},"confidence":{confidence},"headerVec":[]}}],'
        f'{header}"x0":{x0},"x1":{x1},"y0":{y0},"y1":{y1}}}'
        for class_id, name, (x0, y0, x1, y1, confidence) in zip(class_ids, objects.names, texts)
    ]
    return ('{"MxpiObject":[' + ",".join(parts) + "]}").encode("utf-8", "replace") if parts else b"{}"


def float_texts(values: np.ndarray) -> list[list[str]]:
    """The texts of float32 [n, k]: six significant digits, or nine where six do not read back to the same float32.

    A text without "." and "e" is an integer to the second library (2.0 is printed as 2), one with an exponent a
    double, which it prints in its own way (1e+06 as 1000000.0). NaN and the infinities become strings.
    """
    flat = values.astype(np.float32).ravel()
    short = [f"{value:.6g}" for value in flat.tolist()]
    same = np.array([float(text) for text in short]).astype(np.float32) == flat
    same &= (np.abs(flat) >= np.finfo(np.float32).tiny) | (flat == 0)  # a subnormal counts as not read back
    texts = [text if equal else f"{value:.9g}" for text, equal, value in zip(short, same.tolist(), flat.tolist())]
    texts = [text if text.lstrip("-").replace(".", "", 1).isdigit() else _reprinted(text) for text in texts]
    texts = ["0" if text == "-0" else text for text in texts]
    width = values.shape[1]
    return [texts[start : start + width] for start in range(0, len(texts), width)]


def _reprinted(text: str) -> str:
    """An exponent text, NaN or infinity as the second library prints it."""
    value = float(text)
    if value != value:
        return '"NaN"'
    if value in (float("inf"), float("-inf")):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    # it goes over to exponents one power of ten before Python does
    return text if 1e15 <= abs(value) < 1e16 else repr(value)
