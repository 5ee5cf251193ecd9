"""TensorBoard's file: what a full disk does to it."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
import torch
from tensorboard.compat.tensorflow_stub.io import gfile

from compress.train.tensor_board import TensorBoard


def test_a_full_disk_is_one_error_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    hook = threading.excepthook
    board = TensorBoard(tmp_path / "tensorboard")
    board.scalar("box", 1.0, 1)
    board.flush()
    monkeypatch.setattr(gfile.LocalFileSystem, "_write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        for epoch in range(100):
            board.histogram("gamma", torch.rand(1000), epoch)
            board.flush()
    assert caught.value.filename == str(tmp_path / "tensorboard")
    board.close()
    assert threading.excepthook is hook
    assert capfd.readouterr().err == "", "the traceback of the writer's thread"


def test_other_threads_keep_their_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda fault: seen.append(str(fault.exc_value)))
    board = TensorBoard(tmp_path / "tensorboard")
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    board.close()
    assert seen == ["division by zero"]


def test_a_folder_whose_name_is_not_utf8_has_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    board = TensorBoard(tmp_path / "\udce4\udcb8" / "tensorboard")
    board.scalar("box", 1.0, 1)
    board.flush()
    board.close()
    assert "no TensorBoard" in capfd.readouterr().err and not list(tmp_path.iterdir())
