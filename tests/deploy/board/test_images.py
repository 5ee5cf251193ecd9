"""What is copied to a board for a run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.board.images import of_image_source


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.JPG"):
        suffix = Path(name).suffix.lower()
        (folder / name).write_bytes(cv2.imencode(suffix, np.full((40, 60, 3), 90, np.uint8))[1].tobytes())
    return folder


def test_a_board_gets_jpeg_alone(photos: Path) -> None:
    material = of_image_source(photos)
    assert material.names == ["a", "b"] and material.folder == photos
    items = {item.path: item.source.read_bytes() for item in material.items}
    assert sorted(items) == ["pictures/a.jpg", "pictures/b.JPG", "set.txt"]
    assert items["set.txt"] == b"a\nb\n"
    assert items["pictures/b.JPG"] == (photos / "b.JPG").read_bytes()
    assert cv2.imdecode(np.frombuffer(items["pictures/a.jpg"], np.uint8), cv2.IMREAD_COLOR).shape == (40, 60, 3)


def test_what_was_made_goes_with_the_material(photos: Path) -> None:
    material = of_image_source(photos)
    made = next(item.source for item in material.items if item.path == "set.txt")
    assert made.is_file()
    del material
    assert not made.exists()
