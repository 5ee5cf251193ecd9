"""The middle of an image, and what cannot be cropped."""

import numpy as np
import pytest

from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import RGB888, Image, Images
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.host.plugins.mxpi_opencvcentercrop import OpencvCenterCrop
from deploy.sdk_codes import SdkFault

KEY = "source0"


def made(width, height, crop_width, crop_height, dtype=np.uint8, host=True):
    """What becomes of an image whose pixel (x, y) is (x, y, 0)."""
    values = {"dataSource": "auto", "cropWidth": str(crop_width), "cropHeight": str(crop_height)}
    plugin = OpencvCenterCrop(Element("crop0", "mxpi_opencvcentercrop", values))
    source = Plugin(Element(KEY, "", {}))
    source.produces = IMAGE
    plugin.connect([source], [])
    pixels = np.zeros((height, width, 3), dtype)
    pixels[..., 0], pixels[..., 1] = np.arange(width), np.arange(height)[:, None]
    image = Image(pixels, width, height, 2 * width, height, resize_type=4, ratio=0.5, host=host)
    frame = Frame(b"", {KEY: Images([image])})
    plugin.process(frame)
    return frame.metadata["crop0"][0]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(
    ("size", "crop", "first"),
    [
        pytest.param((30, 20), (10, 6), (10, 7), id="even margins"),
        pytest.param((31, 21), (10, 6), (10, 7), id="the odd pixel lies right and below"),
        pytest.param((10, 6), (10, 6), (0, 0), id="the whole image"),
    ],
)
def test_the_middle(size, crop, first, dtype):
    image = made(*size, *crop, dtype)
    assert image.pixels.shape == (crop[1], crop[0], 3) and image.pixels.dtype == dtype
    assert (image.width, image.height) == crop
    assert tuple(image.pixels[0, 0, :2]) == first
    assert tuple(image.pixels[-1, -1, :2]) == (first[0] + crop[0] - 1, first[1] + crop[1] - 1)
    assert (image.format, image.resize_type, image.ratio) == (RGB888, 0, 0)
    assert image.headers[0].data_source == KEY and image.source_width == 2 * size[0]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        pytest.param((30, 20, 31, 6), 2001, "smaller than the crop, 31 x 6", id="too narrow"),
        pytest.param((30, 20, 10, 21), 2001, "the image is 30 x 20 px", id="too low"),
        pytest.param((30, 20, 10, 6, np.uint8, False), 11002, "not host", id="in the chip's memory"),
        pytest.param((30, 20, 0, 6), 1013, "cropWidth is 0", id="without a size"),
    ],
)
def test_what_is_refused(arguments, code, word):
    with pytest.raises(SdkFault) as caught:
        made(*arguments)
    assert caught.value.code == code and caught.value.sentence.startswith("crop0: ") and word in caught.value.sentence
