"""A tiny bundle with a real model, and images on which that model finds known things.

The model looks at the stride-16 cells of the image: a 16 x 16 square of pure red, green or blue that fills one cell
of the network's input is one detection of class 0, 1 or 2 whose box is that square; dark grey and letterbox green are
nothing. White excites the other two heads as well. So a test can say what must come out.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.video import frames as frames_module
from tests.deploy.stand_in_capture import Capture

STRIDES = (8, 16, 32)
ANCHORS = [[[8, 8], [8, 8], [8, 8]], [[16, 16], [16, 16], [16, 16]], [[64, 64], [64, 64], [64, 64]]]
COLOURS = [(0, 0, 255), (0, 255, 0), (255, 0, 0)]  # BGR of class 0, 1 and 2
BACKGROUND = (20, 20, 20)


def _head_weights(stride: int, class_num: int) -> tuple[np.ndarray, np.ndarray]:
    """The 1x1 convolution over mean RGB in 0..1: float32 [3 * (5 + C), 3, 1, 1] and [3 * (5 + C)]."""
    weight = np.zeros((3, 5 + class_num, 3), np.float32)
    bias = np.zeros((3, 5 + class_num), np.float32)
    bias[:, 4] = -60.0  # anchors 0 and 2 never fire
    weight[1, 4] = 40.0
    bias[1, 4] = -30.0 if stride == 16 else -100.0  # a pure colour sums to 1, white to 3, letterbox green to 0.53
    for c in range(class_num):
        bias[:, 5 + c] = -6.0 if c < 3 else -20.0
        if c < 3:
            weight[:, 5 + c, c] = 12.0
    return weight.reshape(-1, 3, 1, 1), bias.reshape(-1)


def _write_model(path: Path, height: int, width: int, class_num: int) -> tuple[list[dict[str, Any]], int, int]:
    """Write the ONNX file; returns the bundle's `outputs`, the parameter count and the FLOPs."""
    onnx = pytest.importorskip("onnx", reason="the tiny model is built with onnx")
    helper, numpy_helper, float32 = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    nodes, weights, outputs, listed, parameters, flops = [], [], [], [], 0, 0
    for stride in STRIDES:
        h, w = height // stride, width // stride
        weight, bias = _head_weights(stride, class_num)
        shape = np.array([1, 3, 5 + class_num, h, w], np.int64)
        for name, value in (("w", weight), ("b", bias), ("shape", shape)):
            weights.append(numpy_helper.from_array(value, f"{name}{stride}"))
        pool, conv, view, out = f"pool{stride}", f"conv{stride}", f"view{stride}", f"out{stride}"
        size = [stride, stride]
        nodes += [
            helper.make_node("AveragePool", ["images"], [pool], pool, kernel_shape=size, strides=size),
            helper.make_node("Conv", [pool, f"w{stride}", f"b{stride}"], [conv], conv, kernel_shape=[1, 1]),
            helper.make_node("Reshape", [conv, f"shape{stride}"], [view], view),
            helper.make_node("Transpose", [view], [out], f"Transpose_{stride}", perm=[0, 1, 3, 4, 2]),
        ]
        out_shape = [1, 3, h, w, 5 + class_num]
        outputs.append(helper.make_tensor_value_info(out, float32, out_shape))
        listed.append({"name": out, "node": f"Transpose_{stride}", "shape": out_shape})
        parameters += weight.size + bias.size
        flops += 2 * weight.size * h * w
    images = helper.make_tensor_value_info("images", float32, [1, 3, height, width])
    graph = helper.make_graph(nodes, "tiny", [images], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return listed, parameters, flops


def _cfg(class_num: int, score: float, objectness: float, iou: float) -> str:
    biases = ",".join(str(side) for level in ANCHORS for anchor in level for side in anchor)
    return (
        f"CLASS_NUM={class_num}\nBIASES_NUM=18\nBIASES={biases}\nSCORE_THRESH={score}\nOBJECTNESS_THRESH={objectness}\n"
        f"IOU_THRESH={iou}\nYOLO_TYPE=3\nANCHOR_DIM=3\nMODEL_TYPE=2\nYOLO_VERSION=5\nFRAMEWORK=PyTorch\n"
    )


def _aipp(height: int, width: int) -> str:
    matrix = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
    lines = ["aipp_mode: static", "related_input_rank: 0", "input_format: YUV420SP_U8"]
    lines += [f"src_image_size_w: {width}", f"src_image_size_h: {height}", "crop: false"]
    lines += ["csc_switch: true", "rbuv_swap_switch: false"]
    lines += [f"matrix_r{r}c{c}: {matrix[r][c]}" for r in range(3) for c in range(3)]
    lines += [f"input_bias_{i}: {bias}" for i, bias in enumerate((0, 128, 128))]
    lines += [f"var_reci_chn_{i}: 0.00392157" for i in range(3)]
    return "aipp_op {\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def _pipeline(height: int, width: int, cfg: str) -> dict[str, Any]:
    def element(factory: str, following: str = "", **props: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"factory": factory}
        if props:
            entry["props"] = props
        if following:
            entry["next"] = following
        return entry

    return {
        "detection": {
            "stream_config": {"deviceId": "0"},
            "appsrc0": element("appsrc", "mxpi_imagedecoder0", blocksize="409600"),
            "mxpi_imagedecoder0": element("mxpi_imagedecoder", "mxpi_imageresize0"),
            "mxpi_imageresize0": element(
                "mxpi_imageresize",
                "mxpi_tensorinfer0",
                parentName="mxpi_imagedecoder0",
                resizeHeight=str(height),
                resizeWidth=str(width),
                resizeType="Resizer_KeepAspectRatio_Fit",
            ),
            "mxpi_tensorinfer0": element(
                "mxpi_tensorinfer", "mxpi_objectpostprocessor0", dataSource="mxpi_imageresize0", modelPath="model.om"
            ),
            "mxpi_objectpostprocessor0": element(
                "mxpi_objectpostprocessor",
                "mxpi_dataserialize0",
                dataSource="mxpi_tensorinfer0",
                postProcessConfigPath=cfg,
                labelPath="labels.names",
                postProcessLibPath="libyolov3postprocess.so",
            ),
            "mxpi_dataserialize0": element(
                "mxpi_dataserialize", "appsink0", outputDataKeys="mxpi_objectpostprocessor0"
            ),
            "appsink0": element("appsink", blocksize="4096000"),
        }
    }


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Factory: tiny_bundle(imgsz=(height, width), names=(...), name="bundle") -> the bundle's folder.

    Height and width are multiples of 32. The detect thresholds are 0.4/0.4/0.5, the eval ones 0.001/0.001/0.6.
    """

    def build(
        imgsz: tuple[int, int] = (128, 128), names: Sequence[str] = ("red", "green", "blue"), name: str = "bundle"
    ) -> Path:
        height, width = imgsz
        folder = tmp_path / name
        folder.mkdir()
        outputs, parameters, flops = _write_model(folder / "model.onnx", height, width, len(names))
        (folder / "aipp.cfg").write_text(_aipp(height, width))
        (folder / "detect.cfg").write_text(_cfg(len(names), 0.4, 0.4, 0.5))
        (folder / "eval.cfg").write_text(_cfg(len(names), 0.001, 0.001, 0.6))
        (folder / "labels.names").write_text("".join(f"{label}\n" for label in names), encoding="utf-8")
        for task in ("detect", "eval"):
            text = json.dumps(_pipeline(height, width, f"{task}.cfg"), indent=4)
            (folder / f"{task}.pipeline").write_text(text)
        nodes = ";".join(f"{output['node']}:0" for output in outputs)
        manifest = {
            "schema_version": 1,
            "kind": "bundle",
            "architecture": "yolov5",
            "imgsz": [height, width],
            "stride": list(STRIDES),
            "anchors": ANCHORS,
            "names": list(names),
            "input": {"name": "images", "shape": [1, 3, height, width]},
            "outputs": outputs,
            "atc": [
                "atc",
                "--model=model.onnx",
                "--framework=5",
                "--output=model",
                "--input_format=NCHW",
                f"--input_shape=images:1,3,{height},{width}",
                "--enable_small_channel=1",
                "--insert_op_conf=aipp.cfg",
                "--soc_version=Ascend310",
                f"--out_nodes={nodes}",
                "--output_type=FP32",
            ],
            "files": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())},
            "parameters": parameters,
            "flops": flops,
            "history": [],
        }
        (folder / "bundle.json").write_text(json.dumps(manifest, indent=2))
        return folder

    return build


@pytest.fixture
def blob_image() -> Callable[..., np.ndarray]:
    """Factory: blob_image([(column, row, class), ...], width=128, height=128, cell=16) -> uint8 BGR image.

    Each blob is a `cell` x `cell` square in that column and row of the grid. Where the image is `cell / 16` times as
    large as the network's input, every blob is one detection at (column * cell, row * cell, +cell, +cell).
    """

    def draw(blobs: Sequence[tuple[int, int, int]], width: int = 128, height: int = 128, cell: int = 16) -> np.ndarray:
        image = np.full((height, width, 3), BACKGROUND, np.uint8)
        for column, row, class_id in blobs:
            image[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = COLOURS[class_id]
        return image

    return draw


@pytest.fixture
def blob_jpeg(blob_image: Callable[..., np.ndarray]) -> Callable[..., bytes]:
    """Factory: the same arguments as `blob_image`; returns the image as JPEG bytes (quality 95)."""

    def encode(*args: Any, **kwargs: Any) -> bytes:
        ok, data = cv2.imencode(".jpg", blob_image(*args, **kwargs), [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert ok
        return data.tobytes()

    return encode


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """In `with full_disk():` files are cut short when they are written, as where the disk is full."""

    write = os.write

    def cut_short(handle: int, content: bytes) -> int:
        write(handle, content[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def patched() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("deploy.whole_file.os.write", cut_short)
            yield

    return patched


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A capture of our own, with short pauses before it is opened again."""
    made = type("Made", (Capture,), {})
    monkeypatch.setattr(cv2, "VideoCapture", made)
    monkeypatch.setattr(frames_module, "PAUSES", (0.01, 0.02, 0.04))
    return made
