"""The text files that the board's stream reads: post-processor configurations, class names and pipelines.

Keys and defaults: MindX SDK (Vision SDK) plugin guide, mxpi_objectpostprocessor.
"""

from __future__ import annotations

import json
from typing import Any

from compress.nets.detector import Detector
from compress.val.thresholds import DETECT, EVAL
from deploy.errors import ModelError
from deploy.postprocess.anchor_free import BINS
from deploy.postprocess.end_to_end import MOST

THRESHOLDS = {"detect": DETECT, "eval": EVAL}

SDK_POST = {"postProcessLibPath": "libyolov3postprocess.so"}


def python_post(module: str, class_name: str) -> dict[str, str]:
    """What names a post-processor in Python, one of deploy/postprocess, in a pipeline."""
    return {
        "postProcessLibPath": ".",  # must be a folder; the module itself is on Python's path
        "funcLanguage": "python",
        "pythonModule": f"deploy.postprocess.{module}",
        "className": class_name,
    }


VIDEO, CAMERA = "detect.video.pipeline", "rtsp://camera.example/stream"
"""The pipeline that pulls and decodes video on the chip, and the address that stands in it until one is named."""
POST_PROCESSORS = {
    "yolov5": SDK_POST,
    "anchor_based": python_post("anchor_based", "AnchorBasedPostProcess"),
    "yolov8": python_post("yolov8", "Yolov8PostProcess"),
    "end_to_end": python_post("end_to_end", "EndToEndPostProcess"),
}
"""What names each post-processor in a pipeline: the SDK's library for YOLOv5 with strides 8, 16 and 32, this project's
files for the others."""


def stream_texts(model: Detector, imgsz: int) -> dict[str, str]:
    """The post-processor's configurations and the pipelines of a bundle by file name.

    MindX SDK 2.0.4 has no post-processors in Python, so a model that needs one has no pipelines for it.
    """
    name, size = model.post_processor, (imgsz, imgsz)
    texts = {}
    for kind in THRESHOLDS:
        texts[f"{kind}.pipeline"] = pipeline_text(kind, *size, "model.om", post=POST_PROCESSORS[name])
        if kind == "detect":
            texts[VIDEO] = pipeline_text(kind, *size, "model.om", post=POST_PROCESSORS[name], video=True)
        if name == "yolov5":
            texts[f"{kind}.sdk2.pipeline"] = sdk2_pipeline_text(kind, *size, "model.om")
        if model.anchors_px():
            texts[f"{kind}.cfg"] = config_text(kind, model.names, model.anchors_px())
        else:
            texts[f"{kind}.cfg"] = anchor_free_config_text(kind, model.names, model.head.reg_max, name == "yolov8")
    return texts


def config_text(kind: str, names: list[str], anchors: list[list[list[float]]]) -> str:
    """The post-processor's configuration for `kind` "detect" or "eval".

    `anchors` is [scales][anchors][w, h] in pixels of the network input, fine to coarse. MODEL_TYPE=2 with
    YOLO_VERSION=5 is what the newer framework wants, and the older one takes any value that is not 0.
    """
    score, iou = THRESHOLDS[kind]
    biases = [f"{value:g}" for scale in anchors for pair in scale for value in pair]
    entries = {
        "CLASS_NUM": len(names),
        "BIASES_NUM": len(biases),
        "BIASES": ",".join(biases),
        "SCORE_THRESH": score,
        "OBJECTNESS_THRESH": score,
        "IOU_THRESH": iou,
        "YOLO_TYPE": len(anchors),
        "ANCHOR_DIM": len(anchors[0]),
        "YOLO_VERSION": 5,
        "MODEL_TYPE": 2,
        "FRAMEWORK": "PyTorch",
        "RESIZE_FLAG": 0,
    }
    return "".join(f"{key}={value}\n" for key, value in entries.items())


def anchor_free_config_text(kind: str, names: list[str], bins: int = BINS, nms: bool = True) -> str:
    """The configuration of this project's post-processors for "detect" or "eval": yolov8.py or, without NMS,
    end_to_end.py. `bins` is the head's reg_max.
    """
    score, iou = THRESHOLDS[kind]
    lines = [f"CLASS_NUM={len(names)}", f"SCORE_THRESH={score}", f"IOU_THRESH={iou}" if nms else f"MAX_DET={MOST}"]
    return "\n".join(lines if bins == BINS else [*lines, f"REG_MAX={bins}"]) + "\n"


def labels_text(names: list[str]) -> str:
    """One class name a line. Raises ModelError for a name that the SDK would read differently."""
    for number, name in enumerate(names):
        comment = number == 0 and "#" in name[:2]
        if not name or name != name.strip() or "\n" in name or comment:
            raise ModelError(f"class {number} is named {name!r}, which a label file of the SDK cannot hold")
    return "".join(name + "\n" for name in names)


def pipeline_text(
    kind: str,
    height: int,
    width: int,
    model: str,
    folder: str = "",
    post: dict[str, str] | None = None,
    video: bool = False,
) -> str:
    """The stream for `kind` "detect" or "eval" with mxpi_tensorinfer and mxpi_objectpostprocessor.

    `model` is the OM file; `folder` ("" or ending in "/") stands in front of every file's name. `post` names the
    post-processor, one of POST_PROCESSORS (default: the SDK's). `video`: it pulls an H.264 stream from CAMERA, in place
    of taking JPEGs from an appsrc.
    """
    infer = _element(
        "mxpi_tensorinfer", "mxpi_objectpostprocessor0", dataSource="mxpi_imageresize0", modelPath=folder + model
    )
    after = _element(
        "mxpi_objectpostprocessor",
        "mxpi_dataserialize0",
        dataSource="mxpi_tensorinfer0",
        postProcessConfigPath=f"{folder}{kind}.cfg",
        labelPath=f"{folder}labels.names",
        **(post or SDK_POST),
    )
    return _stream(
        height,
        width,
        "mxpi_tensorinfer0",
        {"mxpi_tensorinfer0": infer, "mxpi_objectpostprocessor0": after},
        "mxpi_objectpostprocessor0",
        _video_head() if video else None,
    )


def sdk2_pipeline_text(kind: str, height: int, width: int, model: str, folder: str = "") -> str:
    """The same stream for MindX SDK 2.0.4: mxpi_modelinfer does inference and post-processing in one."""
    infer = _element(
        "mxpi_modelinfer",
        "mxpi_dataserialize0",
        parentName="mxpi_imageresize0",
        modelPath=folder + model,
        postProcessConfigPath=f"{folder}{kind}.cfg",
        labelPath=f"{folder}labels.names",
        postProcessLibPath="libMpYOLOv5PostProcessor.so",
    )
    return _stream(height, width, "mxpi_modelinfer0", {"mxpi_modelinfer0": infer}, "mxpi_modelinfer0")


def _image_head() -> dict[str, Any]:
    return {
        "appsrc0": _element("appsrc", "mxpi_imagedecoder0", blocksize="409600"),
        "mxpi_imagedecoder0": _element("mxpi_imagedecoder", "mxpi_imageresize0"),
    }


def _video_head() -> dict[str, Any]:
    return {
        "mxpi_rtspsrc0": _element("mxpi_rtspsrc", "mxpi_videodecoder0", rtspUrl=CAMERA, channelId="0"),
        "mxpi_videodecoder0": _element(
            "mxpi_videodecoder",
            "mxpi_imageresize0",
            inputVideoFormat="H264",
            outputImageFormat="YUV420SP_NV12",
            vdecChannelId="0",
        ),
    }


def _stream(
    height: int, width: int, after_resize: str, middle: dict[str, Any], result: str, head: dict[str, Any] | None = None
) -> str:
    """`head` has what makes images, the element that does so last (default: of the JPEGs that are sent)."""
    head = head or _image_head()
    elements = {
        "stream_config": {"deviceId": "0"},
        **head,
        "mxpi_imageresize0": _element(
            "mxpi_imageresize",
            after_resize,
            parentName=list(head)[-1],
            resizeHeight=str(height),
            resizeWidth=str(width),
            resizeType="Resizer_KeepAspectRatio_Fit",
        ),
        **middle,
        "mxpi_dataserialize0": _element("mxpi_dataserialize", "appsink0", outputDataKeys=result),
        "appsink0": _element("appsink", "", blocksize="4096000"),
    }
    return json.dumps({"detection": elements}, indent=4) + "\n"


def _element(factory: str, following: str, **props: str) -> dict[str, Any]:
    element: dict[str, Any] = {"props": props} if props else {}
    element["factory"] = factory
    if following:
        element["next"] = following
    return element
