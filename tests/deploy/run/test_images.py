"""Reading the images of an image set: what is found under a name, and what is refused with which sentence."""

import os
from pathlib import Path

import pytest

from deploy.errors import DataError
from deploy.run.images import find_image, read_image


def open_files():
    """How many files this process has open; 0 where the system does not tell."""
    handles = Path("/proc/self/fd")
    return len(list(handles.iterdir())) if handles.is_dir() else 0


def folder_of(path):
    path.mkdir()


def pipe(path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(path)


def locked(path):
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda path: None, "there is no a.jpg in {folder}", id="missing"),
        pytest.param(lambda path: path.touch(), "{file} is empty", id="empty"),
        pytest.param(folder_of, "{file} is not a regular file", id="a folder"),
        pytest.param(pipe, "{file} is not a regular file", id="a pipe is not waited for"),
        pytest.param(locked, "{file} cannot be read: Permission denied", id="no right to read it"),
        pytest.param(lambda path: path.symlink_to("gone"), "there is no a.jpg in {folder}", id="a link to nothing"),
    ],
)
def test_refused(tmp_path, make, sentence):
    make(tmp_path / "a.jpg")
    before = open_files()
    with pytest.raises(DataError) as caught:
        read_image(tmp_path, "a")
    assert str(caught.value) == sentence.format(file=tmp_path / "a.jpg", folder=tmp_path)
    assert open_files() == before


def test_a_name_with_its_suffix_gets_a_hint(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"there is no a.jpg.jpg in .*; an image set has names without suffix"):
        read_image(tmp_path, "a.jpg")


@pytest.mark.parametrize(
    ("files", "content"),
    [
        pytest.param({"a.jpg": b"\r\n\x1a\0"}, b"\r\n\x1a\0", id="bytes as they are"),
        pytest.param({"a.JPEG": b"upper"}, b"upper", id="another suffix"),
        pytest.param({"a.jpeg": b"second", "a.jpg": b"first"}, b"first", id="jpg before jpeg"),
        pytest.param({"a b'$(x).jpg": b"odd"}, b"odd", id="an odd name"),
        pytest.param({"a.jpg": b"\xff" * 3_000_000}, b"\xff" * 3_000_000, id="a large file"),
    ],
)
def test_found(tmp_path, files, content):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    name = next(iter(files)).rpartition(".")[0]
    assert read_image(tmp_path, name) == content
    found = find_image(tmp_path, name)
    assert found is not None
    assert found.read_bytes() == content


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "a.jpg").symlink_to("real")
    assert read_image(tmp_path, "a") == b"x"
