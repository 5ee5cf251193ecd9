"""The files that the board's stream reads: exact keys, and what the SDK's rules make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compress.export.streams import config_text, labels_text, pipeline_text, sdk2_pipeline_text
from deploy.errors import ModelError
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import parse_labels
from deploy.postprocess.yolo_config import YoloConfig, read_yolo_config

ANCHORS = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], [[116, 90], [156.5, 198], [373, 326.25]]]
BIASES = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156.5, 198, 373, 326.25)


def parsed(text: str) -> KeyValues:
    return KeyValues.from_text(text.encode(), "test.cfg")


@pytest.mark.parametrize(("kind", "threshold", "iou"), [("detect", "0.4", "0.5"), ("eval", "0.001", "0.6")])
def test_config_keys(kind: str, threshold: str, iou: str) -> None:
    text = config_text(kind, ["dog", "cat"], ANCHORS)
    assert parsed(text).texts == {
        "CLASS_NUM": "2",
        "BIASES_NUM": "18",
        "BIASES": "10,13,16,30,33,23,30,61,62,45,59,119,116,90,156.5,198,373,326.25",
        "SCORE_THRESH": threshold,
        "OBJECTNESS_THRESH": threshold,
        "IOU_THRESH": iou,
        "YOLO_TYPE": "3",
        "ANCHOR_DIM": "3",
        "YOLO_VERSION": "5",
        "MODEL_TYPE": "2",
        "FRAMEWORK": "PyTorch",
        "RESIZE_FLAG": "0",
    }
    assert " " not in text, "the SDK cuts a value at its first blank"
    assert "\r" not in text and text.endswith("\n")


@pytest.mark.parametrize(("kind", "threshold", "iou"), [("detect", 0.4, 0.5), ("eval", 0.001, 0.6)])
def test_config_as_the_post_processor_reads_it(kind: str, threshold: float, iou: float) -> None:
    read = read_yolo_config(parsed(config_text(kind, ["dog", "cat"], ANCHORS)))
    assert read == YoloConfig(
        class_num=2,
        biases=BIASES,
        score_threshold=pytest.approx(threshold, rel=1e-6),
        objectness_threshold=pytest.approx(threshold, rel=1e-6),
        iou_threshold=pytest.approx(iou, rel=1e-6),
    )


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["person", "traffic light"], id="a blank inside"),
        pytest.param(["条形码", "Größe"], id="other scripts"),
        pytest.param(["a", "C#", "#1"], id="once a name has been read, # starts no comment"),
        pytest.param(["a", "a\tb"], id="a tab inside"),
    ],
)
def test_labels_that_the_sdk_reads_back(names: list[str]) -> None:
    assert parse_labels(labels_text(names)) == names


@pytest.mark.parametrize(
    ("names", "number"),
    [
        pytest.param(["#dog", "cat"], 0, id="a comment at the top of the file"),
        pytest.param(["C#", "cat"], 0, id="a comment too: the SDK looks at two characters"),
        pytest.param(["#", "cat"], 0, id="a name to the SDK, but a comment to our reader of names files"),
        pytest.param(["dog", "cat\n"], 1, id="two lines"),
        pytest.param(["dog", "big\ncat"], 1, id="two classes"),
        pytest.param(["dog", "cat\r"], 1, id="the SDK takes the carriage return off"),
        pytest.param(["dog", "cat\t"], 1, id="and the tab"),
        pytest.param(["dog", " cat"], 1, id="a blank that nobody sees, in front"),
        pytest.param(["dog", "cat "], 1, id="a blank that nobody sees, behind"),
        pytest.param(["", "cat"], 0, id="no name"),
    ],
)
def test_labels_that_the_sdk_would_misread(names: list[str], number: int) -> None:
    with pytest.raises(ModelError, match=f"class {number} is named .* a label file of the SDK cannot hold"):
        labels_text(names)


HEAD: dict[str, Any] = {
    "stream_config": {"deviceId": "0"},
    "appsrc0": {"props": {"blocksize": "409600"}, "factory": "appsrc", "next": "mxpi_imagedecoder0"},
    "mxpi_imagedecoder0": {"factory": "mxpi_imagedecoder", "next": "mxpi_imageresize0"},
}
RESIZE = {
    "parentName": "mxpi_imagedecoder0",
    "resizeHeight": "384",
    "resizeWidth": "640",
    "resizeType": "Resizer_KeepAspectRatio_Fit",
}
SINK = {"props": {"blocksize": "4096000"}, "factory": "appsink"}


@pytest.mark.parametrize("kind", ["detect", "eval"])
@pytest.mark.parametrize("folder", ["", "models/yolov5/"])
def test_pipeline(kind: str, folder: str) -> None:
    assert json.loads(pipeline_text(kind, 384, 640, "model.om", folder)) == {
        "detection": {
            **HEAD,
            "mxpi_imageresize0": {"props": RESIZE, "factory": "mxpi_imageresize", "next": "mxpi_tensorinfer0"},
            "mxpi_tensorinfer0": {
                "props": {"dataSource": "mxpi_imageresize0", "modelPath": f"{folder}model.om"},
                "factory": "mxpi_tensorinfer",
                "next": "mxpi_objectpostprocessor0",
            },
            "mxpi_objectpostprocessor0": {
                "props": {
                    "dataSource": "mxpi_tensorinfer0",
                    "postProcessConfigPath": f"{folder}{kind}.cfg",
                    "labelPath": f"{folder}labels.names",
                    "postProcessLibPath": "libyolov3postprocess.so",  # versions 3, 4 and 5 share it
                },
                "factory": "mxpi_objectpostprocessor",
                "next": "mxpi_dataserialize0",
            },
            "mxpi_dataserialize0": {
                "props": {"outputDataKeys": "mxpi_objectpostprocessor0"},
                "factory": "mxpi_dataserialize",
                "next": "appsink0",
            },
            "appsink0": SINK,
        }
    }


@pytest.mark.parametrize("kind", ["detect", "eval"])
@pytest.mark.parametrize("folder", ["", "models/yolov5/"])
def test_sdk2_pipeline(kind: str, folder: str) -> None:
    assert json.loads(sdk2_pipeline_text(kind, 384, 640, "model.om", folder)) == {
        "detection": {
            **HEAD,
            "mxpi_imageresize0": {"props": RESIZE, "factory": "mxpi_imageresize", "next": "mxpi_modelinfer0"},
            "mxpi_modelinfer0": {
                "props": {
                    "parentName": "mxpi_imageresize0",
                    "modelPath": f"{folder}model.om",
                    "postProcessConfigPath": f"{folder}{kind}.cfg",
                    "labelPath": f"{folder}labels.names",
                    "postProcessLibPath": "libMpYOLOv5PostProcessor.so",
                },
                "factory": "mxpi_modelinfer",
                "next": "mxpi_dataserialize0",
            },
            "mxpi_dataserialize0": {
                "props": {"outputDataKeys": "mxpi_modelinfer0"},
                "factory": "mxpi_dataserialize",
                "next": "appsink0",
            },
            "appsink0": SINK,
        }
    }


@pytest.mark.parametrize("write", [pipeline_text, sdk2_pipeline_text])
@pytest.mark.parametrize("kind", ["detect", "eval"])
def test_every_link_leads_somewhere(write: Any, kind: str) -> None:
    """The SDK refuses a stream with a property that is no string (6015) or a `next` without a target (6006)."""
    (stream,) = json.loads(write(kind, 64, 64, "model.om")).values()
    elements = {name: element for name, element in stream.items() if "factory" in element}
    seen, name = [], "appsrc0"
    while name:
        element, before = elements[name], set(seen)
        for key, value in element.get("props", {}).items():
            assert type(value) is str, f"{name}.{key}"
            if key in ("dataSource", "parentName", "outputDataKeys"):
                assert value in before, f"{name}.{key} names what is not in front of it"
        seen.append(name)
        name = element.get("next", "")
    assert sorted(seen) == sorted(elements), "an element that nothing leads to"
    assert seen[-1] == "appsink0"
