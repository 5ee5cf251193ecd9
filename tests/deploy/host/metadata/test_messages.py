"""Metadata to messages and back, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deploy.host.metadata.frame import Frame
from deploy.host.metadata.messages import from_message, parse, to_message
from deploy.host.metadata.values import (
    BGR888,
    NV12,
    RGB888,
    Header,
    Image,
    Images,
    Objects,
    TensorPackages,
    Tensors,
)
from deploy.sdk_codes import SdkFault

pytest.importorskip("google.protobuf", reason="messages need protobuf")
ROOT = Path(__file__).resolve().parents[4]


def pixels(shape, kind=np.uint8):
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(kind)


def through_bytes(value):
    """What another process reads of a value."""
    message = to_message(value)
    return from_message(parse(f"MxTools.{message.DESCRIPTOR.name}", message.SerializeToString())), message


@pytest.mark.parametrize(
    ("form", "shape", "kind", "aligned", "size"),
    [
        pytest.param(BGR888, (5, 7, 3), np.uint8, (0, 0), 5 * 7 * 3, id="packed, as it is"),
        pytest.param(RGB888, (5, 7, 3), np.uint8, (16, 8), 16 * 8 * 3, id="packed, aligned"),
        pytest.param(BGR888, (4, 6, 3), np.float32, (0, 0), 4 * 6 * 3 * 4, id="float32"),
        pytest.param(NV12, (9, 8), np.uint8, (0, 0), 8 * 6 * 3 // 2, id="NV12, as it is"),
        pytest.param(NV12, (9, 8), np.uint8, (128, 16), 128 * 16 * 3 // 2, id="NV12, aligned as JPEGD does"),
    ],
)
def test_images(form, shape, kind, aligned, size):
    width, height = shape[1], shape[0] if form != NV12 else shape[0] * 2 // 3
    headers = (Header("mxpi_imagedecoder0", 2),)
    one = Image(pixels(shape, kind), width, height, 50, 40, 2, 0.75, form, *aligned, headers)
    (back,), message = through_bytes(Images([one]))
    assert message.visionVec[0].visionData.dataSize == len(message.visionVec[0].visionData.dataStr) == size
    assert back.pixels.dtype == kind
    np.testing.assert_array_equal(back.pixels, one.pixels)
    assert (back.width, back.height, back.format) == (width, height, form)
    assert (back.resize_type, back.ratio, back.headers) == (2, 0.75, headers)


def test_nv12_planes_lie_where_the_board_has_them():
    one = Image(np.concatenate([np.full((4, 6), 1), np.full((2, 6), 2)]).astype(np.uint8), 6, 4, 6, 4, format=NV12)
    one = Image(one.pixels, 6, 4, 6, 4, format=NV12, width_aligned=8, height_aligned=6)
    data = to_message(Images([one])).visionVec[0].visionData.dataStr
    plane = np.frombuffer(data, np.uint8).reshape(9, 8)
    assert (plane[:4, :6] == 1).all() and (plane[6:8, :6] == 2).all()
    assert plane.sum() == 4 * 6 + 2 * 2 * 6


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.uint8, np.int32, np.int64, np.bool_])
def test_tensors(kind):
    arrays = [pixels((1, 3, 2), kind), pixels((4,), kind)]
    back, message = through_bytes(TensorPackages([Tensors(arrays, None, (Header("mxpi_imageresize0", 1),))]))
    assert message.tensorPackageVec[0].tensorVec[0].tensorDataSize == arrays[0].nbytes
    for array, expected in zip(back[0].outputs, arrays):
        assert array.dtype == kind
        np.testing.assert_array_equal(array, expected)
    assert back[0].headers == (Header("mxpi_imageresize0", 1),)


def test_objects():
    rows = np.array([[1, 2, 3, 4, 0.5, 7], [5, 6, 7, 8, 0.25, 9]], np.float32)
    back, message = through_bytes(Objects(rows, ["cat", "狗"], "mxpi_tensorinfer0", np.array([0, 3])))
    np.testing.assert_array_equal(back.detections, rows)
    assert (back.names, back.data_source, back.members.tolist()) == (["cat", "狗"], "mxpi_tensorinfer0", [0, 3])
    assert message.objectVec[1].headerVec[0].memberId == 3
    assert to_message(Objects(rows, ["a", "b"], "")).objectVec[0].headerVec == []


def test_a_frame_reads_what_was_sent_as_a_message():
    frame = Frame(b"", {"sent": to_message(Objects(np.ones((1, 6), np.float32), ["x"], "y"))})
    assert frame.objects("sent").names == ["x"]
    with pytest.raises(SdkFault, match="not Images") as raised:
        frame.images("sent")
    assert raised.value.code == 11004
    with pytest.raises(SdkFault) as raised:
        frame.objects("nothing")
    assert raised.value.code == 11003


def vision(**changes):
    message = to_message(Images([Image(pixels((4, 6, 3)), 6, 4, 6, 4)]))
    for name, value in changes.items():
        part = message.visionVec[0].visionData if name.startswith("data") else message.visionVec[0].visionInfo
        setattr(part, name, value)
    return message


def tensor(**changes):
    message = to_message(TensorPackages([Tensors([pixels((2, 3), np.float32)])]))
    for name, value in changes.items():
        target = message.tensorPackageVec[0].tensorVec[0]
        if name == "tensorShape":
            target.tensorShape[:] = value
        else:
            setattr(target, name, value)
    return message


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        pytest.param(lambda: vision(dataStr=b""), 11003, "no pixels", id="no pixels"),
        pytest.param(lambda: vision(dataStr=b"123"), 1004, "cannot have 3 bytes", id="too few bytes"),
        pytest.param(lambda: vision(width=7), 1004, "7 x 4", id="larger than its buffer"),
        pytest.param(lambda: vision(width=0), 1004, "0 x 4", id="no width"),
        pytest.param(lambda: vision(format=9), 1004, "format 9", id="a format that the host lacks"),
        pytest.param(lambda: vision(dataType=1, dataStr=b"12345"), 1004, "float32", id="no whole number of floats"),
        pytest.param(lambda: tensor(tensorShape=[2, 4]), 1004, "24 bytes", id="a shape of another size"),
        pytest.param(lambda: tensor(tensorShape=[-2, -3]), 1004, "24 bytes", id="a negative shape"),
        pytest.param(lambda: tensor(tensorDataType=5), 1004, "type 5", id="a type that does not exist"),
    ],
)
def test_what_cannot_be_read(message, code, words):
    with pytest.raises(SdkFault, match=words) as raised:
        from_message(message())
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("MxTools.NoSuch", b"", id="an unknown type"),
        pytest.param("MxpiObjectList", b"", id="a name without package"),
        pytest.param("MxTools.DESCRIPTOR", b"", id="something else of the module"),
        pytest.param("MxTools.MxpiObjectList", b"\xff\xff", id="bytes that are no message"),
    ],
)
def test_types_that_cannot_be_parsed(name, content):
    with pytest.raises(SdkFault) as raised:
        parse(name, content)
    assert raised.value.code == 1001


def test_field_numbers_are_the_sdks(shared):
    """The vendor's own bytes, written again from our classes."""
    import base64
    import json

    cases = json.loads((shared / "golden/dataserialize.json").read_text(encoding="utf-8"))["cases"]
    seen = set()
    for case in cases:
        for entry in case["lists"]:
            content = base64.b64decode(entry["protobuf_b64"])
            message = parse(f"MxTools.{entry['message_type']}", content)
            assert message.SerializeToString(deterministic=True) == content
            seen.add(entry["message_type"])
    assert len(seen) >= 4


def test_without_protobuf():
    """Only messages need it; and a script is told so."""
    script = """
import sys
sys.modules["google.protobuf"] = None
from deploy.host.api import *
from deploy.host.metadata import messages
from deploy.sdk_codes import SdkFault
try:
    messages.types()
except SdkFault as fault:
    print(fault.code, fault.sentence)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("1001 metadata as messages need the package protobuf"), done.stderr
