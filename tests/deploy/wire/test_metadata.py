"""The SDK's messages read by hand, against protobuf's own writing of them."""

import numpy as np
import pytest

from deploy.wire.metadata import Vision, read_tensors, read_visions

types = pytest.importorskip("deploy.host.proto.MxpiDataType_pb2", reason="the messages are written with protobuf")


def tensor(array, **rest):
    return types.MxpiTensor(tensorShape=array.shape, dataStr=array.tobytes(), tensorDataSize=array.nbytes, **rest)


def test_tensors():
    arrays = [np.arange(6, dtype=np.float32).reshape(1, 2, 3), np.ones((300, 1), np.float16)]
    packages = [
        types.MxpiTensorPackage(
            headerVec=[{"dataSource": "resize0", "memberId": 3}],
            tensorVec=[tensor(arrays[0], memType=3, tensorDataPtr=2**63), tensor(arrays[1], tensorDataType=1)],
        ),
        types.MxpiTensorPackage(tensorVec=[tensor(arrays[0])]),
    ]
    found = read_tensors(types.MxpiTensorPackageList(tensorPackageVec=packages).SerializeToString())
    assert [[(entry.shape, entry.kind) for entry in package] for package in found] == [
        [((1, 2, 3), 0), ((300, 1), 1)],
        [((1, 2, 3), 0)],
    ]
    assert bytes(found[0][0].data) == arrays[0].tobytes()
    assert bytes(found[0][1].data) == arrays[1].tobytes()


def test_numbers_that_are_not_packed():
    """proto2 writes each of a repeated number's values by itself; readers have to take that."""
    assert read_tensors(bytes([10, 6, 18, 4, 48, 2, 48, 5]))[0][0].shape == (2, 5)


def test_images():
    vision = types.MxpiVision(
        visionInfo={"format": 1, "width": 500, "height": 375, "widthAligned": 512, "heightAligned": 384},
        visionData={"dataStr": b"pixels" * 100, "dataSize": 600},
    )
    resized = types.MxpiVision(
        visionInfo={"width": 512, "height": 512, "resizeType": 2, "keepAspectRatioScaling": 1.024}
    )
    found = read_visions(types.MxpiVisionList(visionVec=[vision, resized]).SerializeToString())
    assert found == [Vision(500, 375, 0, 0.0), Vision(512, 512, 2, pytest.approx(1.024))]


def test_nothing():
    assert read_tensors(b"") == []
    assert read_visions(b"") == []


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x0a\x05\x12", id="ends too early"),
        pytest.param(b"\x08\x01", id="a number in place of a message"),
        pytest.param(b"\x0a\x02\x12\x08", id="ends too early inside"),
        pytest.param(b"\x0b\x00", id="a group"),
        pytest.param(b"\xff" * 20, id="a number without end"),
        pytest.param(b"\x0a\x06\x12\x04\x32\x02\x80\x80", id="a shape without end"),
        pytest.param(b"\x0a\x05\x12\x03\x42\x01\x00", id="a type that is text"),
    ],
)
def test_what_is_no_message(message):
    with pytest.raises(ValueError, match=r".+"):
        read_tensors(message)
