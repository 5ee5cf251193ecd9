"""NV12 to BGR and back by the JPEG matrix: full-range values, as JPEGD makes them."""

from __future__ import annotations

import cv2
import numpy as np


def bgr_of_nv12(planes: np.ndarray) -> np.ndarray:
    """uint8 [h * 3 / 2, w], h and w even, to uint8 [h, w, 3]; each chroma sample serves its four pixels."""
    rows, columns = len(planes) * 2 // 3, planes.shape[1]
    pairs = planes[rows:].reshape(rows // 2, columns // 2, 2)
    chroma = cv2.resize(pairs, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return cv2.cvtColor(cv2.merge([planes[:rows], chroma[:, :, 1], chroma[:, :, 0]]), cv2.COLOR_YCrCb2BGR)


def nv12_of_bgr(pixels: np.ndarray) -> np.ndarray:
    """The other way round; a last odd row or column is repeated, a chroma sample is the mean of its four pixels."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    rows, columns = pixels.shape[:2]
    full = cv2.cvtColor(pixels, cv2.COLOR_BGR2YCrCb)
    small = cv2.resize(full, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    planes = np.empty((rows * 3 // 2, columns), np.uint8)
    planes[:rows] = full[:, :, 0]
    planes[rows:] = small[:, :, 2:0:-1].reshape(rows // 2, columns)
    return planes


def video_nv12_of_bgr(pixels: np.ndarray) -> np.ndarray:
    """By the matrix of video, whose luma lies in 16..235: uint8 [h, w, 3], h and w even, to uint8 [h * 3 / 2, w]."""
    rows, columns = pixels.shape[:2]
    planar = cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420)
    chroma = planar[rows:].reshape(2, -1)
    return np.concatenate([planar[:rows], chroma.T.reshape(rows // 2, columns)])
