"""The same images through both generations of the SDK, and through a post-processor in Python (YOLOv8)."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.run.pipeline_file import PipelineFile
from deploy.run.stream import Outcome, Stream, find_engine

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "models/demo": ("detect.pipeline", "detect.sdk2.pipeline", "eval.pipeline", "eval.sdk2.pipeline"),
    ".": (
        "pipeline/detect.pipeline",
        "pipeline/sdk2/detect.pipeline",
        "pipeline/eval.pipeline",
        "pipeline/sdk2/eval.pipeline",
    ),
}


NOTHING = b'(Code = 0, Message = "Success")'
SIZES = ((640, 480), (333, 500))


def found(path, folder, images, conf=None, iou=None):
    """The detections of each image as rows x0 y0 x1 y1 confidence class, by the commands' own way."""
    pipeline = PipelineFile(path, folder)
    pipeline.set_thresholds(conf, iou)
    with Stream(find_engine("host"), pipeline.text, pipeline.stream_name) as stream:
        outcomes = [stream.receive(stream.send(image)) for image in images]
    assert all(isinstance(outcome, Outcome) and not outcome.fault for outcome in outcomes), outcomes
    return [
        np.array([[d.x0, d.y0, d.x1, d.y1, d.confidence, d.class_id] for d in outcome.objects]).reshape(-1, 6)
        for outcome in outcomes
    ]


def striped_jpegs():
    """Images with stripes like a bar code's, in which the demo model finds something if asked for little."""
    rng = np.random.default_rng(5)
    for width, height in SIZES:
        image = np.full((height, width, 3), 200, np.uint8)
        stripes = np.repeat(rng.integers(0, 2, 60), 3)[None, :, None] * 235
        image[height // 3 : height // 3 + 100, 60 : 60 + stripes.shape[1]] = stripes
        ok, data = cv2.imencode(".jpg", image)
        assert ok
        yield data.tobytes()


@pytest.mark.parametrize("folder", FOLDERS, ids=["the demo bundle's own", "the top-level ones"])
def test_shipped_pipelines_of_both_generations_find_the_same(folder, monkeypatch):
    folder_path = ROOT / folder
    monkeypatch.chdir(folder_path)
    images = list(striped_jpegs())
    results = [found(folder_path / name, folder_path, images) for name in FOLDERS[folder]]
    for new, old in (results[:2], results[2:]):
        for new_rows, old_rows, size in zip(new, old, SIZES):
            _same_but_for_the_frameworks(new_rows, old_rows, size)
    assert min(len(rows) for rows in results[2]) > 50  # with eval's thresholds there is much to compare


def _same_but_for_the_frameworks(new, old, size):
    """The old framework suppresses boxes before it clips them, the new one after: those at the border may differ."""
    for rows, others in ((new, old), (old, new)):
        lonely = 0
        inside = (rows[:, :2] > 1).all(axis=1) & (rows[:, 2:4] < np.array(size) - 1).all(axis=1)
        for row in rows[inside]:
            near = others[np.abs(others[:, 4] - row[4]) < 1e-6]
            near = near[near[:, 5] == row[5]]
            lonely += not len(near) or np.abs(near[:, :4] - row[:4]).max(axis=1).min() > 0.1
        assert lonely <= 0.02 * len(rows)


@pytest.mark.parametrize("generation", ["detect.pipeline", "detect.sdk2.pipeline"])
def test_thresholds_of_one_run(generation, monkeypatch):
    folder = ROOT / "models" / "demo"
    monkeypatch.chdir(folder)
    images = list(striped_jpegs())[:1]
    counts = [
        len(found(folder / generation, folder, images, conf, iou)[0])
        for conf, iou in ((0.001, 1.0), (0.001, 0.3), (0.05, 0.3), (0.999, 0.3))
    ]
    assert counts[0] > counts[1] > counts[2] >= counts[3] == 0


def sdk2_pipeline(bundle):
    """The bundle's detect pipeline, rewritten for mxpi_modelinfer."""
    streams = json.loads((bundle / "detect.pipeline").read_text())
    stream = streams["detection"]
    post = stream.pop("mxpi_objectpostprocessor0")["props"]
    infer = stream.pop("mxpi_tensorinfer0")["props"]
    stream["mxpi_imageresize0"]["next"] = "mxpi_modelinfer0"
    stream["mxpi_modelinfer0"] = {
        "factory": "mxpi_modelinfer",
        "props": {
            "parentName": "mxpi_imageresize0",
            "modelPath": infer["modelPath"],
            "postProcessConfigPath": post["postProcessConfigPath"],
            "labelPath": post["labelPath"],
            "postProcessLibPath": "libMpYOLOv5PostProcessor.so",
        },
        "next": "mxpi_dataserialize0",
    }
    stream["mxpi_dataserialize0"]["props"]["outputDataKeys"] = "mxpi_modelinfer0"
    (bundle / "detect.sdk2.pipeline").write_text(json.dumps(streams))
    return bundle / "detect.sdk2.pipeline"


def answer(text, image):
    """The bytes that a stream answers with."""
    module = find_engine("host").module
    api = module.StreamManagerApi()
    assert api.InitManager() == 0
    assert api.CreateMultipleStreams(text.encode()) == 0
    data = module.MxDataInput()
    data.data = image
    result = api.GetResultWithUniqueId(b"detection", api.SendDataWithUniqueId(b"detection", 0, data), 10_000)
    api.DestroyAllStreams()
    assert result.errorCode == 0
    return bytes(result.data)


def test_no_detection_is_an_empty_object_in_the_old_generation(tiny_bundle, blob_jpeg, monkeypatch):
    bundle = tiny_bundle()
    monkeypatch.chdir(bundle)
    assert answer(sdk2_pipeline(bundle).read_text(), blob_jpeg([])) == b"{}"
    # the new one's text is empty, in whose place the module answers with the text of code 0
    assert answer((bundle / "detect.pipeline").read_text(), blob_jpeg([])).strip() == NOTHING


def test_a_bundle_in_both_generations(tiny_bundle, blob_jpeg, monkeypatch):
    bundle = tiny_bundle()
    monkeypatch.chdir(bundle)
    image = blob_jpeg([(1, 1, 0), (4, 2, 1), (6, 6, 2)], 256, 256, cell=32)
    (new,) = found(bundle / "detect.pipeline", bundle, [image])
    (old,) = found(sdk2_pipeline(bundle), bundle, [image])
    assert new[:, 5].tolist() == [0, 1, 2]
    np.testing.assert_allclose(old, new, atol=2e-3)


def yolov8_bundle(bundle):
    """Turn a tiny bundle into a YOLOv8 one: its class is the colour of a cell, its box the cell itself."""
    onnx = pytest.importorskip("onnx", reason="the tiny model is built with onnx")
    helper, tensor, float32 = onnx.helper, onnx.numpy_helper.from_array, onnx.TensorProto.FLOAT
    nodes, weights, outputs = [], [], []
    bins = np.full((4, 16), -40, np.float32)
    bins[:, :2] = 0  # half a cell to every side
    for stride in (8, 16, 32):
        weight = np.zeros((3, 3, 1, 1), np.float32)
        weight[range(3), range(3)] = 40
        bias = np.full(3, -30 if stride == 16 else -100, np.float32)  # only one level ever fires
        for branch, w, b in (("box", np.zeros((64, 3, 1, 1), np.float32), bins.reshape(-1)), ("cls", weight, bias)):
            name = f"{branch}{stride}"
            weights += [tensor(w, f"w_{name}"), tensor(b, f"b_{name}")]
            nodes.append(helper.make_node("Conv", [f"pool{stride}", f"w_{name}", f"b_{name}"], [name]))
            outputs.append(helper.make_tensor_value_info(name, float32, [1, len(b), 128 // stride, 128 // stride]))
        size = [stride, stride]
        nodes.insert(0, helper.make_node("AveragePool", ["x"], [f"pool{stride}"], kernel_shape=size, strides=size))
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("x", float32, [1, 3, 128, 128])], outputs, weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.save(model, str(bundle / "model.onnx"))
    (bundle / "detect.cfg").write_text("CLASS_NUM=3\nSCORE_THRESH=0.4\nIOU_THRESH=0.5\n")
    streams = json.loads((bundle / "detect.pipeline").read_text())
    streams["detection"]["mxpi_objectpostprocessor0"]["props"] |= {
        "postProcessLibPath": ".",
        "funcLanguage": "python",
        "pythonModule": "deploy.postprocess.yolov8",
        "className": "Yolov8PostProcess",
    }
    (bundle / "detect.pipeline").write_text(json.dumps(streams))
    return bundle


def test_yolov8_by_its_python_post_processor(tiny_bundle, blob_jpeg, monkeypatch):
    bundle = yolov8_bundle(tiny_bundle())
    monkeypatch.chdir(bundle)
    image = blob_jpeg([(1, 1, 0), (4, 2, 1), (6, 6, 2)], 256, 256, cell=32)
    (rows,) = found(bundle / "detect.pipeline", bundle, [image])
    expected = [[32, 32, 64, 64], [128, 64, 160, 96], [192, 192, 224, 224]]
    np.testing.assert_allclose(rows[:, :4], expected, atol=1e-3)
    assert rows[:, 5].tolist() == [0, 1, 2]
    (none,) = found(bundle / "detect.pipeline", bundle, [image], conf=0.9999999)
    assert len(none) == 0
    assert answer((bundle / "detect.pipeline").read_text(), blob_jpeg([])).strip() == NOTHING
