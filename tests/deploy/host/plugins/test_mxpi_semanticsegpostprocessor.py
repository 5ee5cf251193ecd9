"""Segmentation in a stream: a JPEG goes in, a mask of its size comes out, as JSON and as a message."""

import base64
import json

import numpy as np
import pytest

from deploy.host.exchange.structs import StringVector
from deploy.host.metadata.messages import types
from deploy.host.sdk.mindx.sdk import base
from tests.deploy.host.plugins.test_mxpi_tensorinfer import save
from tests.deploy.host.wiring import NAME, fetch, refused, running, send

pytest.importorskip("google.protobuf", reason="masks are messages")
FLOAT = 1
CHAIN = "appsrc0 mxpi_imagedecoder0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_semanticsegpostprocessor0 appsink0"
SERIALISED = CHAIN.replace("appsink0", "mxpi_dataserialize0 appsink0")
PYTHON = """
class Where:
    def __init__(self, config_path, label_path):
        self.labelMap = ["dark", "bright"]

    def process(self, tensors, params):
        import numpy
        (scores,) = numpy.array(tensors[0])
        assert (params[0].widthOriginal, params[0].heightOriginal) == (128, 96)
        self.pixels = (scores[2] > 0.5).astype(int).tolist()
        return [self]


class Wrong(Where):
    def process(self, tensors, params):
        self.pixels = [0.5]
        return [self]
"""


@pytest.fixture
def folder(tiny_bundle, monkeypatch):
    """A model of 64 x 64 px whose scores are the red, green and blue of each pixel."""
    path = tiny_bundle()
    monkeypatch.chdir(path)
    save(
        path / "seg.onnx", [("Identity", ["x"], ["y"])], {"x": (FLOAT, [1, 3, 64, 64])}, {"y": (FLOAT, [1, 3, 64, 64])}
    )
    aipp = (path / "aipp.cfg").read_text().replace("128", "64").replace("input_bias_1: 64", "input_bias_1: 128")
    (path / "seg.aipp.cfg").write_text(aipp.replace("input_bias_2: 64", "input_bias_2: 128"))
    (path / "seg.cfg").write_text("CLASS_NUM=3\nMODEL_TYPE=1\nFRAMEWORK_TYPE=2\n")
    (path / "seg.names").write_text("red\ngreen\nblue\n")
    (path / "where.py").write_text(PYTHON)
    return path


def props(library="libdeeplabv3post.so", **values):
    return {
        "mxpi_imageresize0": {"resizeHeight": "64", "resizeWidth": "64", "resizeType": "Resizer_KeepAspectRatio_Fit"},
        "mxpi_tensorinfer0": {"modelPath": "seg.om"},
        "mxpi_semanticsegpostprocessor0": {
            "postProcessConfigPath": "seg.cfg",
            "labelPath": "seg.names",
            "postProcessLibPath": library,
            **values,
        },
    }


LIBRARIES = ["libdeeplabv3post.so", "path/libunetmindsporepostprocess.so"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_json(folder, blob_jpeg, library):
    image = blob_jpeg([(0, 0, 0), (3, 2, 2)], 128, 96, cell=32)  # red in a corner, blue in the opposite one
    serialise = {"mxpi_dataserialize0": {"outputDataKeys": "mxpi_semanticsegpostprocessor0"}}
    with running(SERIALISED, numerics="board", **props(library), **serialise) as manager:
        send(manager, image)
        code, data = fetch(manager)
    assert code == 0, data
    (mask,) = json.loads(data)["MxpiImageMask"]
    assert mask["className"] == ["red", "green", "blue"] and mask["shape"] == [96, 128] and mask["dataType"] == 4
    pixels = np.frombuffer(base64.b64decode(mask["dataStr"]), np.uint8).reshape(96, 128)
    assert set(pixels[4:28, 4:28].ravel().tolist()) == {0}
    assert set(pixels[68:92, 100:124].ravel().tolist()) == {2}


def mask_of(manager):
    (found,) = manager.GetProtobuf(NAME, 0, StringVector([b"mxpi_semanticsegpostprocessor0"]))
    assert found.errorCode == 0, found.messageBuf
    (mask,) = types().MxpiImageMaskList.FromString(found.messageBuf).imageMaskVec
    return mask


def test_a_message_of_many_classes(folder, blob_jpeg):
    """Beyond a byte's classes the SDK writes int32."""
    nodes = [("Concat", ["x"] * 100, ["y"], {"axis": 1})]
    save(folder / "seg.onnx", nodes, {"x": (FLOAT, [1, 3, 64, 64])}, {"y": (FLOAT, [1, 300, 64, 64])})
    (folder / "seg.cfg").write_text("CLASS_NUM=300\nMODEL_TYPE=1\nFRAMEWORK_TYPE=1\n")
    with running(CHAIN, numerics="board", **props()) as manager:
        send(manager, blob_jpeg([(0, 0, 0)], 128, 96, cell=32))
        mask = mask_of(manager)
    assert list(mask.shape) == [64, 64] and mask.dataType == 3 and len(mask.dataStr) == 64 * 64 * 4
    assert (mask.headerVec[0].dataSource, mask.headerVec[0].memberId) == ("mxpi_tensorinfer0", 0)


def test_a_class_in_python(folder, blob_jpeg):
    mine = {"funcLanguage": "python", "pythonModule": "where", "className": "Where"}
    with running(CHAIN, numerics="board", **props(".", **mine)) as manager:
        send(manager, blob_jpeg([(3, 2, 2)], 128, 96, cell=32))
        mask = mask_of(manager)
    assert list(mask.className) == ["dark", "bright"]
    pixels = np.frombuffer(mask.dataStr, np.uint8).reshape(mask.shape)
    assert pixels[34:46, 50:62].all() and not pixels[34:46, 2:14].any()


def test_a_class_that_returns_no_mask(folder, blob_jpeg):
    mine = {"funcLanguage": "python", "pythonModule": "where", "className": "Wrong"}
    with running(CHAIN, numerics="board", **props(".", **mine)) as manager:
        send(manager, blob_jpeg([], 128, 96))
        code, data = fetch(manager)
    assert code == 1001 and b"where.Wrong.process returned float64 [1]; pixels are whole, in rows" in data


@pytest.mark.parametrize(
    ("values", "config", "code", "word"),
    [
        pytest.param(
            {"library": "libmy.so"}, "", 1005, "libdeeplabv3post.so, libunetmindsporepostprocess.so", id="own"
        ),
        pytest.param({"dataSourceRoiBoxes": "a"}, "", 1005, "dataSourceRoiBoxes is set", id="regions"),
        pytest.param({}, "CLASS_NUM=4\nMODEL_TYPE=1\n", 1004, "CLASS_NUM=4", id="other outputs"),
    ],
)
def test_what_is_refused(folder, values, config, code, word):
    if config:
        (folder / "seg.cfg").write_text(config)
    found, sentence = refused(CHAIN, **props(**values))
    assert found == code and sentence.startswith("mxpi_semanticsegpostprocessor0: ") and word in sentence


@pytest.mark.parametrize("kind", ["Deeplabv3Post", "UNetMindSporePostProcess"])
def test_without_a_stream(folder, kind):
    """mindx.sdk.base.post: the same by class."""
    post = getattr(base.post, kind)(config_path="seg.cfg", label_path="seg.names")
    scores = np.zeros((1, 3, 64, 64), np.float32)
    scores[0, 0], scores[0, 2, 32:] = 1, 2
    info = base.ResizedImageInfo()
    info.widthResize = info.heightResize = info.widthOriginal = info.heightOriginal = 64
    (found,) = post.process([base.Tensor(scores)], [info])
    assert found.labelMap == ["red", "green", "blue"]
    assert [found.pixels[31][5], found.pixels[33][5]] == [0, 2]
    with pytest.raises(RuntimeError, match="0 ResizedImageInfo for 1 image"):
        post.process([base.Tensor(scores)], [])
