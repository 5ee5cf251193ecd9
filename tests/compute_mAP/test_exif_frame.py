"""Boxes of images that EXIF turns, held against the pixels that OpenCV turns."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from compute_mAP.exif_frame import STORED, TURNED, UNKNOWN, frame_of, turned, turned_box
from compute_mAP.image_header import ImageHeader
from compute_mAP.voc_xml import Annotation, Object

BOX = (10, 5, 30, 15)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_goes_where_its_pixels_go(orientation: int) -> None:
    pixels = np.zeros((40, 60), np.uint8)
    pixels[5:15, 10:30] = 255
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(out, "PNG", exif=exif)
    shown = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    rows, columns = np.nonzero(shown)
    there = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    image = ImageHeader(60, 40, orientation)
    assert turned_box(BOX, image) == there
    found = turned(Annotation(60, 40, [Object("cat", *BOX, True)], []), image)
    assert found == (*image.shown_size, [Object("cat", *there, True)], [])


@pytest.mark.parametrize(
    ("size", "image", "frame"),
    [
        pytest.param((60, 40), (60, 40, 1), TURNED, id="not turned at all"),
        pytest.param((7, 7), (60, 40, 1), TURNED, id="not turned, whatever the size"),
        pytest.param((60, 40), (60, 40, 6), STORED, id="size as stored"),
        pytest.param((40, 60), (60, 40, 6), TURNED, id="size as shown"),
        pytest.param((0, 0), (60, 40, 6), UNKNOWN, id="no size"),
        pytest.param((120, 80), (60, 40, 6), UNKNOWN, id="another size"),
        pytest.param((60, 40), (60, 40, 3), UNKNOWN, id="upside down keeps the size"),
        pytest.param((40, 40), (40, 40, 8), UNKNOWN, id="a square keeps the size"),
    ],
)
def test_which_frame(size: tuple[int, int], image: tuple[int, int, int], frame: str) -> None:
    assert frame_of(Annotation(*size, [], []), ImageHeader(*image)) == frame
