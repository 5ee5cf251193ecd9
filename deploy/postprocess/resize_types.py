"""The names of the ways in which mxpi_imageresize resizes; MxpiVisionInfo.resizeType records the index."""

from __future__ import annotations

RESIZE_TYPES = (
    "Resizer_Stretch",
    "Resizer_KeepAspectRatio_FastRCNN",
    "Resizer_KeepAspectRatio_Fit",
    "Resizer_OnlyPadding",
    "Resizer_KeepAspectRatio_Long",
    "Resizer_KeepAspectRatio_Short",
    "Resizer_Rescale",
    "Resizer_Rescale_Double",
    "Resizer_MS_Yolov4",
    "Resizer_PaddleOCR",
)
STRETCH, FAST_RCNN, FIT, ONLY_PADDING, LONG, SHORT, RESCALE, RESCALE_DOUBLE, MS_YOLOV4, PADDLE_OCR = range(10)
