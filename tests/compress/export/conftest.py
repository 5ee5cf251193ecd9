"""One export of the tiny detector, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compress.export.onnx_file import OnnxModel, to_onnx
from compress.export.proof_pictures import proof_pictures
from compress.nets.yolov5 import Yolov5

IMGSZ = 64


@pytest.fixture(scope="session")
def exported(tiny_model: Callable[..., Yolov5]) -> tuple[Yolov5, OnnxModel]:
    """The tiny detector with the classes a, b, c and its ONNX for 64 x 64 pixels, proved on real pictures."""
    model = tiny_model()
    return model, to_onnx(model, IMGSZ, proof_pictures(None, IMGSZ))
