"""Which images a run is about, and what the stream gets of those that are no JPEG."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from compute_mAP.errors import ReportedError
from deploy.cli import main
from deploy.run.image_source import image_source
from deploy.run.images import read_image

BLOBS = [(1, 2, 0), (5, 5, 2)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.PNG", "a.jpg", "c.d.Jpeg", "notes.txt"):
        (tmp_path / "photos" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    (tmp_path / "set.txt").write_text("b\na\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        pytest.param(("set.txt", "photos"), ["b", "a"], id="an image set and its folder"),
        pytest.param(("photos",), ["a", "b", "c.d"], id="a folder"),
        pytest.param(("photos/c.d.Jpeg",), ["c.d"], id="one image"),
    ],
)
def test_sources(folder: Path, arguments: tuple[str, ...], names: list[str]) -> None:
    found = image_source(*(folder / argument for argument in arguments))
    assert (found.names, found.folder, found.notes) == (names, folder / "photos", [])


def test_two_images_of_one_name(folder: Path) -> None:
    (folder / "photos/a.png").write_bytes(b"x")
    found = image_source(folder / "photos")
    assert found.names == ["a", "b", "c.d"] and "left out: a.png" in found.notes[0]
    with pytest.raises(ReportedError, match=r"a\.png has the name of .*a\.jpg, which would be taken"):
        image_source(folder / "photos/a.png")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(("gone",), 3, "there is no image or folder", id="nothing there"),
        pytest.param(("set.txt",), 2, "expected an image or a folder, or an image set and", id="an image set alone"),
        pytest.param(("photos", "photos"), 2, "is no image set, so expected it alone", id="a folder twice"),
        pytest.param(("photos/a.jpg", "photos"), 2, "is no image set", id="an image and its folder"),
        pytest.param(("empty",), 3, "holds no image", id="a folder without images"),
        pytest.param(("set.txt", "gone"), 3, "the image folder .*gone does not exist", id="no folder"),
    ],
)
def test_refused(folder: Path, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ReportedError, match=sentence) as caught:
        image_source(*(folder / argument for argument in arguments))
    assert caught.value.exit_code == code


@pytest.mark.parametrize("suffix", [".png", ".BMP", ".webp", ".TIFF"])
def test_other_formats_are_detected_as_jpeg(
    tmp_path: Path,
    tiny_bundle: Callable[..., Path],
    blob_jpeg: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
    suffix: str,
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = cv2.imdecode(np.frombuffer(blob_jpeg(BLOBS), np.uint8), cv2.IMREAD_COLOR)
    (photos / f"a{suffix}").write_bytes(cv2.imencode(suffix.lower(), pixels)[1].tobytes())
    (photos / "b.Jpg").write_bytes(blob_jpeg(BLOBS))
    assert main(["detect", str(photos), "--model", str(tiny_bundle()), "--out", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["objects"] == {"red": 2, "blue": 2}
    assert printed.err.count(f"has {suffix.lower()} images; each is encoded as JPEG") == 1
    shown = {file.name for file in (tmp_path / "image_result").iterdir()}
    assert shown == {".made_by", "a.jpg", "b.jpg"}


def _png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(_png_of(30000, 30000), "has 30000 x 30000 pixels; the board takes sides of 8192", id="a bomb"),
        pytest.param(b"hello", "cannot be decoded", id="no image"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(None, "is not a regular file", id="a pipe"),
    ],
)
def test_files_that_cannot_become_a_jpeg(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "a.png"
    if content is None:
        os.mkfifo(file)
    else:
        file.write_bytes(content)
    with pytest.raises(ReportedError, match=f"a.png {sentence}"):
        read_image(tmp_path, "a")
