"""From an image in the stream to the bytes that an OM takes. AIPP is inside the OM, so nothing is computed here."""

from __future__ import annotations

import numpy as np

from deploy.aipp.formats import RGB, YUV420SP
from deploy.aipp.rule import AippRule
from deploy.host.metadata.values import NV12, Image
from deploy.sdk_codes import SET_INPUT_FAIL, SdkFault


class ImageBytes:
    """Images as uint8 of the shape that the model's first input has. As on the board, packed pixels go in as they are,
    RGB or BGR; which of both they are, the pipeline says to the decoder and AIPP by rbuv_swap_switch."""

    def __init__(self, rule: AippRule, shape: tuple[int, ...]) -> None:
        self._rule = rule
        self._shape = shape

    def __call__(self, image: Image) -> tuple[np.ndarray, np.ndarray]:
        """(the bytes, the same). Raises SdkFault 3001 for an image of another format or size than AIPP takes."""
        made = YUV420SP if image.format == NV12 else RGB
        taken = self._rule.input_format
        if image.pixels.dtype != np.uint8 or made != taken:
            kind = "float32 RGB888_U8" if image.pixels.dtype != np.uint8 else made
            raise SdkFault(SET_INPUT_FAIL, f"the image is {kind}; the AIPP in the .om takes {taken}")
        wanted = int(np.prod(self._shape, dtype=np.int64))
        if image.pixels.size != wanted:
            raise SdkFault(
                SET_INPUT_FAIL, f"the image has {image.pixels.size} bytes; the AIPP in the .om takes {wanted}"
            )
        values = np.ascontiguousarray(image.pixels).reshape(self._shape)
        return values, values

    def release(self, buffers: tuple[np.ndarray, np.ndarray]) -> None:
        """Nothing is used again."""
