"""The SDK's post-processors for other results than YOLO's, in streams: classes, texts, and detectors of other kinds."""

import json

import numpy as np
import pytest

from deploy.host.exchange.structs import InProtobufVector, MxProtobufIn, StringVector
from deploy.host.metadata.messages import to_message, types
from deploy.host.metadata.values import TensorPackages, Tensors
from tests.deploy.host.plugins.test_mxpi_tensorinfer import save, two_inputs
from tests.deploy.host.wiring import NAME, fetch, refused, running, send

pytest.importorskip("google.protobuf", reason="these results are messages")
FLOAT, INT64 = 1, 7


@pytest.fixture
def folder(tiny_bundle, monkeypatch):
    path = tiny_bundle()
    monkeypatch.chdir(path)
    return path


def colour_scores(path):
    """A model of 64 x 64 px whose three scores are the mean of red, green and blue."""
    pool = ("GlobalAveragePool", ["x"], ["mean"])
    flat = ("Flatten", ["mean"], ["scores"])
    save(path, [pool, flat], {"x": (FLOAT, [1, 3, 64, 64])}, {"scores": (FLOAT, [1, 3])})


def identity(path, **outputs):
    """A model that hands on what it is sent; outputs {name: (type, shape)}."""
    inputs = {f"{name}_in": entry for name, entry in outputs.items()}
    save(path, [("Identity", [f"{name}_in"], [name]) for name in outputs], inputs, outputs)


def send_tensors(manager, *arrays, key=b"appsrc0", source=0):
    entry = MxProtobufIn()
    entry.key, entry.type = key, b"MxTools.MxpiTensorPackageList"
    entry.protobuf = to_message(TensorPackages([Tensors(list(arrays))])).SerializeToString()
    assert manager.SendProtobuf(NAME, source, InProtobufVector([entry])) == 0, manager.LastError()


def message(manager, key, kind):
    (found,) = manager.GetProtobuf(NAME, 0, StringVector([key]))
    assert found.errorCode == 0, manager.LastError()
    return kind.FromString(found.messageBuf)


CHAIN = (
    "appsrc0 mxpi_imagedecoder0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_objectpostprocessor0 mxpi_imagecrop0 "
    "mxpi_tensorinfer1 mxpi_classpostprocessor0 mxpi_dataserialize0 appsink0"
)


def first_sample(folder):
    """The properties of the SDK's first sample, classification+detection, on a small detector and classifier."""
    (folder / "classifier").mkdir()
    colour_scores(folder / "classifier/model.onnx")
    aipp = (folder / "aipp.cfg").read_text().replace("128", "64").replace("input_bias_1: 64", "input_bias_1: 128")
    (folder / "classifier/aipp.cfg").write_text(aipp.replace("input_bias_2: 64", "input_bias_2: 128"))
    (folder / "classes.cfg").write_text("CLASS_NUM=3\nSOFTMAX=false\nTOP_K=1\n")
    (folder / "colours.names").write_text("reddish\ngreenish\nbluish\n")
    labels = {"labelPath": "labels.names", "postProcessConfigPath": "detect.cfg"}
    return {
        "mxpi_imageresize0": {"resizeHeight": "128", "resizeWidth": "128", "dataSource": "mxpi_imagedecoder0"},
        "mxpi_tensorinfer0": {"dataSource": "mxpi_imageresize0", "modelPath": "model.om"},
        "mxpi_objectpostprocessor0": {
            "dataSource": "mxpi_tensorinfer0",
            "postProcessLibPath": "../../../lib/modelpostprocessors/libyolov3postprocess.so",
            **labels,
        },
        "mxpi_imagecrop0": {"dataSource": "mxpi_objectpostprocessor0", "resizeHeight": "64", "resizeWidth": "64"},
        "mxpi_tensorinfer1": {"dataSource": "mxpi_imagecrop0", "modelPath": "classifier/model.om"},
        "mxpi_classpostprocessor0": {
            "dataSource": "mxpi_tensorinfer1",
            "postProcessConfigPath": "classes.cfg",
            "labelPath": "colours.names",
            "postProcessLibPath": "../../../lib/modelpostprocessors/libresnet50postprocess.so",
        },
        "mxpi_dataserialize0": {"outputDataKeys": "mxpi_objectpostprocessor0,mxpi_classpostprocessor0"},
    }


@pytest.mark.parametrize("numerics", ["board", "float"])
def test_the_first_sample_of_the_sdk(folder, blob_jpeg, numerics):
    """Detection, cropping, classification, and classes nested under their objects."""
    with running(CHAIN, numerics=numerics, **first_sample(folder)) as manager:
        send(manager, blob_jpeg([(1, 2, 0), (5, 4, 2)], 512, 512, cell=64))
        code, data = fetch(manager)
        send(manager, blob_jpeg([], 512, 512))
        nothing = fetch(manager)
    assert code == 0, data
    found = json.loads(data)["MxpiObject"]
    assert [(one["classVec"][0]["className"], [c["className"] for c in one["MxpiClass"]]) for one in found] == [
        ("red", ["reddish"]),
        ("blue", ["bluish"]),
    ]
    assert all(0.7 < one["MxpiClass"][0]["confidence"] <= 1 for one in found)
    # without objects there are no crops, no tensors and no classes; the buffer passes
    assert nothing == (0, b"{}")


CLASSIFY = "appsrc0 mxpi_tensorinfer0 mxpi_classpostprocessor0 appsink0"
READ = "appsrc0 mxpi_tensorinfer0 mxpi_textgenerationpostprocessor0 appsink0"
DETECT = "appsrc0 mxpi_tensorinfer0 mxpi_objectpostprocessor0 appsink0"


def test_classes_of_sent_tensors(folder):
    identity(folder / "scores.onnx", scores=(FLOAT, [1, 3]))
    (folder / "classes.cfg").write_text("CLASS_NUM=3\nSOFTMAX=true\nTOP_K=2\n")
    props = {
        "mxpi_tensorinfer0": {"modelPath": "scores.om"},
        "mxpi_classpostprocessor0": {
            "postProcessConfigPath": "classes.cfg",
            "labelPath": "labels.names",
            "postProcessLibPath": "libresnet50postprocess.so",
        },
    }
    with running(CLASSIFY, **props) as manager:
        send_tensors(manager, np.array([[0, 1, 2]], np.float32))
        found = message(manager, "mxpi_classpostprocessor0", types().MxpiClassList).classVec
    assert [(c.classId, c.className, round(c.confidence, 4)) for c in found] == [
        (2, "blue", 0.6652),
        (1, "green", 0.2447),
    ]
    assert [(c.headerVec[0].dataSource, c.headerVec[0].memberId) for c in found] == [("mxpi_tensorinfer0", 0)] * 2


@pytest.mark.parametrize(
    ("config", "kind", "values"),
    [
        pytest.param("", FLOAT, np.eye(4, dtype=np.float32)[[1, 1, 0, 3]][None], id="scores"),
        pytest.param("WITH_ARGMAX=true\n", INT64, np.array([[1, 1, 0, 3]]), id="int64 ids"),
    ],
)
def test_a_text(folder, config, kind, values):
    identity(folder / "scores.onnx", scores=(kind, list(values.shape)))
    (folder / "text.cfg").write_text(config + "CLASS_NUM=4\nOBJECT_NUM=4\nBLANK_INDEX=0\n")
    (folder / "letters.names").write_text("-\na\nb\nc\n")
    props = {
        "mxpi_tensorinfer0": {"modelPath": "scores.om"},
        "mxpi_textgenerationpostprocessor0": {
            "postProcessConfigPath": "text.cfg",
            "labelPath": "letters.names",
            "postProcessLibPath": "libcrnnpostprocess.so",
        },
    }
    with running(READ, **props) as manager:
        send_tensors(manager, values)
        (found,) = message(manager, "mxpi_textgenerationpostprocessor0", types().MxpiTextsInfoList).textsInfoVec
    assert list(found.text) == ["ac"] and found.headerVec[0].dataSource == "mxpi_tensorinfer0"


@pytest.mark.parametrize(
    ("has_batch", "code"),
    [
        pytest.param("0", 0, id="steps first, which are no batch"),
        pytest.param("1", 1004, id="the board takes the steps for a batch"),
    ],
)
def test_a_text_of_a_model_without_a_batch(folder, has_batch, code):
    """MindSpore's CRNN hands on [steps, 1, classes]; the SDK adds a 1 for outputHasBatchDim 0."""
    values = np.eye(4, dtype=np.float32)[[1, 1, 0, 3]][:, None]
    identity(folder / "scores.onnx", scores=(FLOAT, list(values.shape)))
    (folder / "text.cfg").write_text("CLASS_NUM=4\nOBJECT_NUM=4\nBLANK_INDEX=0\n")
    (folder / "letters.names").write_text("-\na\nb\nc\n")
    props = {
        "mxpi_tensorinfer0": {"modelPath": "scores.om", "outputHasBatchDim": has_batch, "singleBatchInfer": "1"},
        "mxpi_textgenerationpostprocessor0": {
            "postProcessConfigPath": "text.cfg",
            "labelPath": "letters.names",
            "postProcessLibPath": "libcrnnpostprocess.so",
        },
    }
    if code:
        assert refused(READ, **props)[0] == code
        return
    with running(READ, **props) as manager:
        send_tensors(manager, values)
        (found,) = message(manager, "mxpi_textgenerationpostprocessor0", types().MxpiTextsInfoList).textsInfoVec
    assert list(found.text) == ["ac"]


def test_faster_rcnn_of_sent_tensors(folder):
    """Without an image, boxes stay as the model gives them: MxpiObjectPostProcessor with no resize information."""
    shapes = {"n": [1, 1], "scores": [1, 100], "boxes": [1, 100, 4], "ids": [1, 100]}
    identity(folder / "rcnn.onnx", **{name: (FLOAT, shape) for name, shape in shapes.items()})
    (folder / "rcnn.cfg").write_text("CLASS_NUM=3\nSCORE_THRESH=0.5\n")
    props = {
        "mxpi_tensorinfer0": {"modelPath": "rcnn.om"},
        "mxpi_objectpostprocessor0": {
            "postProcessConfigPath": "rcnn.cfg",
            "labelPath": "labels.names",
            "postProcessLibPath": "libfasterrcnnpostprocess.so",
        },
    }
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays["n"][:], arrays["scores"][0, 0], arrays["ids"][0, 0] = 1, 0.75, 2
    arrays["boxes"][0, 0] = (0.25, 0.5, 0.75, 1)
    with running(DETECT, **props) as manager:
        send_tensors(manager, *arrays.values())
        (found,) = message(manager, "mxpi_objectpostprocessor0", types().MxpiObjectList).objectVec
    assert (found.x0, found.y0, found.x1, found.y1) == (0.5, 0.25, 1, 0.75)
    assert (found.classVec[0].className, found.classVec[0].confidence) == ("blue", 0.75)


def test_ssd_behind_an_image(folder, blob_jpeg):
    """Boxes and scores that the model has as constants, scaled to the decoded image."""
    onnx = pytest.importorskip("onnx")
    pool = [("GlobalAveragePool", ["x"], ["mean"]), ("ReduceSum", ["mean"], ["sum"], {"keepdims": 0})]
    values = {"box": np.array([[[0.25, 0.5, 0.75, 1]]]), "score": np.array([[[0.9, 0.1, 0.8, 0.2]]])}
    nodes = [*pool, ("Mul", ["sum", "zero"], ["nothing"])]
    nodes += [("Add", ["nothing", f"{name}_value"], [name]) for name in values]
    path = folder / "ssd/model.onnx"
    path.parent.mkdir()
    outputs = {name: (FLOAT, list(value.shape)) for name, value in values.items()}
    save(path, nodes, {"x": (FLOAT, [1, 3, 64, 64])}, outputs)
    model = onnx.load(str(path))
    constants = {"zero": np.zeros(1), **{f"{name}_value": value for name, value in values.items()}}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()
    )
    onnx.save(model, str(path))
    (folder / "ssd.cfg").write_text("CLASS_NUM=4\nSCORE_THRESH=0.3\nIOU_THRESH=0.6\n")
    props = {
        "mxpi_tensorinfer0": {"modelPath": "ssd/model.om"},
        "mxpi_objectpostprocessor0": {
            "postProcessConfigPath": "ssd.cfg",
            "labelPath": "labels.names",
            "postProcessLibPath": "libSsdMobilenetFpn_MindsporePost.so",
        },
        "mxpi_dataserialize0": {"outputDataKeys": "mxpi_objectpostprocessor0"},
    }
    chain = "appsrc0 mxpi_imagedecoder0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_objectpostprocessor0 "
    with running(chain + "mxpi_dataserialize0 appsink0", **props) as manager:
        send(manager, blob_jpeg([], 200, 100))
        code, data = fetch(manager)
    assert code == 0, data
    (found,) = json.loads(data)["MxpiObject"]
    assert [found[key] for key in ("x0", "y0", "x1", "y1")] == [100, 25, 200, 75]
    assert found["classVec"][0] == {"classId": 2, "className": "blue", "confidence": 0.8, "headerVec": []}


PYTHON = """
import numpy as np


class Best:
    def __init__(self, config_path="", label_path=""):
        self.text = ["read"]

    def process(self, tensors):
        class Info:
            pass

        found = []
        for row in np.array(tensors[0]):
            info = Info()
            info.classId, info.className, info.confidence, info.text = int(row.argmax()), "best", row.max(), ["read"]
            found.append([info] if CLASSES else info)
        return found
"""


@pytest.mark.parametrize(
    ("chain", "name", "kind", "field"),
    [
        pytest.param(CLASSIFY, "mxpi_classpostprocessor0", "MxpiClassList", "classVec", id="classes"),
        pytest.param(READ, "mxpi_textgenerationpostprocessor0", "MxpiTextsInfoList", "textsInfoVec", id="texts"),
    ],
)
def test_classes_in_python(folder, chain, name, kind, field):
    identity(folder / "scores.onnx", scores=(FLOAT, [1, 3]))
    module = f"own_{field.lower()}"
    (folder / f"{module}.py").write_text(PYTHON + f"\n\nCLASSES = {field == 'classVec'}\n")
    post = {"funcLanguage": "python", "pythonModule": module, "className": "Best", "postProcessLibPath": "."}
    with running(chain, **{"mxpi_tensorinfer0": {"modelPath": "scores.om"}, name: post}) as manager:
        send_tensors(manager, np.array([[0, 9, 2]], np.float32))
        (found,) = getattr(message(manager, name, getattr(types(), kind)), field)
    if field == "classVec":
        assert (found.classId, found.className, found.confidence) == (1, "best", 9)
    else:
        assert list(found.text) == ["read"]


@pytest.mark.parametrize(
    ("chain", "props", "code", "words"),
    [
        pytest.param(CLASSIFY, {"postProcessLibPath": "libmy.so"}, 1005, "docs/scripts.md", id="an app's own library"),
        pytest.param(
            READ, {"postProcessLibPath": "libmy.so"}, 1005, "libcrnnpostprocess.so", id="an app's own for texts"
        ),
        pytest.param(CLASSIFY, {"postProcessLibPath": ""}, 1016, "is not set", id="no library"),
        pytest.param(
            CLASSIFY,
            {"postProcessLibPath": "libresnet50postprocess.so", "postProcessConfigContent": {"CLASS_NUM": "5"}},
            1004,
            "CLASS_NUM=5",
            id="another number of classes",
        ),
    ],
)
def test_refused(folder, chain, props, code, words):
    identity(folder / "scores.onnx", scores=(FLOAT, [1, 3]))
    name = chain.split()[2]
    found, sentence = refused(chain, **{"mxpi_tensorinfer0": {"modelPath": "scores.om"}, name: props})
    assert found == code and name in sentence and words in sentence


def test_two_appsrcs_feed_a_model_with_two_inputs(folder):
    """In the way of apps that send images and prompts apart: each appsrc has an input port of its own."""
    two_inputs(folder / "pair.onnx")
    props = {"mxpi_tensorinfer0": {"modelPath": "pair.om", "dataSource": "appsrc0, appsrc1"}}
    chains = ("appsrc0 mxpi_tensorinfer0:0 appsink0", "appsrc1 mxpi_tensorinfer0:1")
    with running(*chains, **props) as manager:
        send_tensors(manager, np.array([[1, 9, 3, 4]], np.float32))
        send_tensors(manager, np.array([[1, 1, 0, 0]], np.float32), key=b"appsrc1", source=1)
        (found,) = message(manager, "mxpi_tensorinfer0", types().MxpiTensorPackageList).tensorPackageVec
    assert [header.dataSource for header in found.headerVec] == ["appsrc0", "appsrc1"]
    difference, place = found.tensorVec
    assert np.frombuffer(difference.dataStr, np.float32).tolist() == [0, 8, 3, 4]
    assert (place.tensorDataType, np.frombuffer(place.dataStr, np.int64).tolist()) == (9, [1])
