"""The real images on which an ONNX file is compared with torch."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from deploy.errors import DataError

_MOST = 4


def proof_images(folder: str | Path | None, imgsz: int, width: int | None = None) -> np.ndarray:
    """Up to four JPEG images of `folder`, or ultralytics' own two: float32 [n, 3, imgsz, width or imgsz], RGB, 0..1.

    They are stretched: the proof compares two programs, it does not look for objects.
    Raises DataError when the folder holds no readable JPEG.
    """
    if folder is None:
        from ultralytics.utils import ASSETS

        folder = ASSETS
    files = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in (".jpg", ".jpeg") and p.is_file())
    images = []
    for file in files:
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR) if file.stat().st_size else None
        if image is not None:
            resized = cv2.resize(image, (width or imgsz, imgsz))[:, :, ::-1]
            images.append(np.ascontiguousarray(resized.transpose(2, 0, 1), dtype=np.float32) / 255)
        if len(images) == _MOST:
            break
    if not images:
        raise DataError(f"{folder}: holds no readable JPEG image to prove the ONNX on")
    return np.stack(images)
