"""The size of an image file, and the files that are none."""

from pathlib import Path

import cv2
import pytest
from PIL import Image

from compress.data.image_size import ORIENTATION, image_size
from deploy.errors import DataError


def save(file: Path, orientation: int | None = None, mode: str = "RGB") -> Path:
    exif = Image.Exif()
    if orientation:
        exif[ORIENTATION] = orientation
    Image.effect_noise((60, 40), 50).convert(mode).save(file, format="JPEG", exif=exif)
    return file


@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
def test_size_is_the_one_opencv_shows(tmp_path: Path, orientation: int | None) -> None:
    file = save(tmp_path / "a.jpg", orientation)
    height, width = cv2.imread(str(file)).shape[:2]
    assert image_size(file) == (width, height) == ((40, 60) if orientation in (6, 8) else (60, 40))


def test_grey_image(tmp_path: Path) -> None:
    assert image_size(save(tmp_path / "a.jpg", mode="L")) == (60, 40)


def test_bad_files(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.jpg").read_bytes()
    bad = {"empty.jpg": b"", "text.jpg": b"hello", "short.jpg": whole[: len(whole) // 2], "head.jpg": whole[:30]}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} cannot be read as an image"):
            image_size(tmp_path / name)
    with pytest.raises(DataError, match=r"there is no image .*gone\.jpg"):
        image_size(tmp_path / "gone.jpg")
