"""TensorBoard's event file of a run; an error of its writing thread reaches the training, in one sentence."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

_WRITER = "tensorboard.summary.writer"


class TensorBoard:
    """An event file in `folder`. Raises OSError with the folder's name where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hook = threading.excepthook
        threading.excepthook = self._on_thread
        self._writer: SummaryWriter | None = None
        try:
            str(folder).encode()
        except UnicodeEncodeError:  # the library wants UTF-8, file systems do not
            print(f"{folder}: no TensorBoard, for the folder's name is not UTF-8", file=sys.stderr)
            return
        with self._named():
            self._writer = SummaryWriter(str(folder))

    def scalar(self, name: str, value: float, epoch: int) -> None:
        with self._named():
            if self._writer:
                self._writer.add_scalar(name, value, epoch)

    def histogram(self, name: str, values: torch.Tensor, epoch: int) -> None:
        with self._named():
            if self._writer:
                self._writer.add_histogram(name, values, epoch)

    def flush(self) -> None:
        with self._named():
            if self._writer:
                self._writer.flush()

    def close(self) -> None:
        """Every epoch was flushed, so that what fails here, such as on a full disk, loses nothing."""
        with suppress(OSError):
            if self._writer:
                self._writer.close()
        threading.excepthook = self._hook

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            raise OSError(fault.errno, fault.strerror or str(fault), str(self._folder)) from None

    def _on_thread(self, fault: threading.ExceptHookArgs) -> None:
        """The writer keeps its thread's error and raises it at the next call, so its traceback says nothing new."""
        if not type(fault.thread).__module__.startswith(_WRITER):
            self._hook(fault)
