"""The images that an ONNX file is proved on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from compress.graph.proof_images import proof_images
from deploy.errors import DataError


def save(file: Path, blue: int, green: int, red: int) -> None:
    cv2.imwrite(str(file), np.full((40, 60, 3), (blue, green, red), np.uint8))


def test_default_images_are_real() -> None:
    images = proof_images(None, 96)
    assert images.shape == (2, 3, 96, 96)
    assert images.dtype == np.float32 and images.flags.c_contiguous
    assert 0 <= images.min() < 0.1 and 0.9 < images.max() <= 1
    assert images.std() > 0.1


def test_own_folder(tmp_path: Path) -> None:
    """Red comes first, values are in 0..1, at most four images, in the order of their names."""
    for number, name in enumerate(("b.JPG", "a.jpeg", "c.jpg", "e.jpg", "d.jpg")):
        save(tmp_path / "x.jpg", 0, 51 * number, 255)
        (tmp_path / "x.jpg").rename(tmp_path / name)
    images = proof_images(tmp_path, 32)
    assert images.shape == (4, 3, 32, 32)
    np.testing.assert_allclose(images[:, :, 16, 16].round(1), [[1, g, 0] for g in (0.2, 0, 0.4, 0.8)], atol=0.03)


def test_bad_files_are_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "good.jpg", 0, 0, 255)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image at all")
    (tmp_path / "folder.jpg").mkdir()
    save(tmp_path / "other.png", 255, 0, 0)
    assert len(proof_images(tmp_path, 32)) == 1


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="an empty folder"),
        pytest.param({"notes.txt": b"n", "a.png": b"p"}, id="no JPEG among the files"),
        pytest.param({"a.jpg": b"", "b.jpg": b"garbage"}, id="no readable one"),
    ],
)
def test_nothing_to_prove_on(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="holds no readable JPEG image to prove the ONNX on") as caught:
        proof_images(tmp_path, 32)
    assert str(tmp_path) in str(caught.value)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent: holds no readable JPEG"):
        proof_images(tmp_path / "absent", 32)
