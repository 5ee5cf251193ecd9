"""eval --ray: shards of the images on a cluster's nodes give the result files of one machine, byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from compress.codes.make_codes import make_codes
from deploy.cli import main
from deploy.run import sharded

ROOT = Path(__file__).resolve().parents[3]
IMAGES = 24


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    devkit = tmp_path_factory.mktemp("codes") / "VOCdevkit"
    make_codes(devkit, IMAGES, 0)
    return devkit


def results(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((out / "txt_result").iterdir()) if file.suffix == ".txt"}


def words(devkit: Path, out: Path) -> list[str]:
    return ["eval", str(devkit), "--on", "host", "--image-set", "train", "--out", str(out)]


def test_the_result_files_are_the_same(
    ray_cluster: Any, codes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sharded, "SHARD", 3)  # more shards than nodes
    lacking = next((codes / "VOC2007" / "JPEGImages").iterdir())
    spoilt = lacking.read_bytes()
    lacking.write_bytes(b"no image")
    try:
        monkeypatch.chdir(ROOT / "models")  # paths may be relative to where the user is
        assert main([*words(codes, tmp_path / "here"), "--model", "demo"]) == 0
        assert main([*words(codes, tmp_path / "there"), "--model", "demo", "--ray", ray_cluster.address]) == 0
    finally:
        lacking.write_bytes(spoilt)
    here = results(tmp_path / "here")
    assert len(here) > 1 and any(here.values())
    assert results(tmp_path / "there") == here
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) % 2 == 0 and shown[: len(shown) // 2 - 1] == shown[len(shown) // 2 : -1]


def test_without_ray(
    codes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*words(codes, tmp_path), "--ray", "127.0.0.1:6379"]) == 5
    said = "error: the Python package ray is missing, which --ray needs: pip install 'ascend-yolo-slim[cluster]'"
    assert capsys.readouterr().err.splitlines()[-1] == said


@pytest.mark.parametrize(
    "more, sentence",
    [
        (["--ray", "auto"], "--ray is 'auto', expected HOST:PORT or ray://HOST:PORT"),
        (["--ray", "127.0.0.1:6379", "--compare"], "--ray and --compare exclude each other"),
    ],
)
def test_wrong_calls(
    codes: Path, tmp_path: Path, more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(codes, tmp_path), *more]) == 2
    assert f"error: {sentence}" in capsys.readouterr().err
