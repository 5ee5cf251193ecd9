"""Training images as the network sees them in validation: what statistics and least squares are taken from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from compress.data.image_size import read_pixels
from compress.val.letterbox import letterboxed
from deploy.errors import DataError
from deploy.sdk_codes import SdkFault

BATCH_SIZE = 16


def training_batches(images: list[Path], imgsz: int, letterbox: str) -> list[torch.Tensor]:
    """The images without augmentation: uint8 [B, 3, imgsz, imgsz], RGB, up to 16 a batch.

    An image that cannot be read or scaled is left out. Raises DataError when none is left.
    """
    canvases = []
    for image in images:
        try:
            canvases.append(letterboxed(read_pixels(image), imgsz, letterbox)[0])
        except (DataError, SdkFault):
            continue
    if not canvases:
        raise DataError(f"none of {len(images)} training images can be read, the first is {images[0]}")
    stacked = torch.from_numpy(np.stack(canvases)).flip(-1).permute(0, 3, 1, 2).contiguous()
    return list(stacked.split(BATCH_SIZE))
