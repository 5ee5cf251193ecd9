"""An OM, computed by the chip through pyACL."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from deploy.acl.codes import OUT_OF_DEVICE_MEMORY, AclFault
from deploy.acl.device import Device, open_device
from deploy.acl.loaded_model import HostMemory, LoadedModel
from deploy.acl.metadata import StaticAipp
from deploy.host.log import log
from deploy.host.model.network import Port
from deploy.sdk_codes import FAILURE, STREAM_NOT_EXIST, SdkFault

STOP_SECONDS = 5.0
"""How long `close` waits for runs that are under way. A chip that takes longer hangs."""


class OmNetwork:
    """Several threads run at the same time, each with a copy of the model of its own, because the chip takes one run at
    a time of each. A further copy is loaded when a thread finds none free, up to one a core of this machine; where the
    chip has no room for it, threads wait for one another.

    `aipp` is the image that the first input takes, None where it takes tensors; `channels` how many the network behind
    it has. Outputs of float16 come out as float32. Raises what open_device and LoadedModel raise.
    """

    on_chip = True

    def __init__(self, path: Path, device: int = 0) -> None:
        self.path = path
        self._device: Device = open_device(device)
        try:
            first = LoadedModel(self._device, str(path))
        except BaseException:
            self._device.close()
            raise
        metadata = first.metadata
        self.aipp: StaticAipp | None = metadata.aipp
        self.channels = metadata.channels
        self.inputs: Sequence[Port] = [Port(x.name, np.dtype(x.dtype), x.dims) for x in metadata.inputs]
        self._made = [np.dtype(tensor.dtype) for tensor in metadata.outputs]
        self.outputs: Sequence[Port] = [Port(x.name, _given(np.dtype(x.dtype)), x.dims) for x in metadata.outputs]
        self._free = [first]
        self._most = _cores()
        self._count = 1
        self._closed = False
        self._changed = threading.Condition()
        self._device.on_exit(self.close)

    @property
    def soc(self) -> str:
        """The chip's name, such as Ascend310B4."""
        return self._device.soc

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As Network says; a fault after which the device is lost has AclFault.lost set."""
        arrays = [np.ascontiguousarray(value) for value in values]
        for port, array in zip(self.inputs, arrays):
            if array.dtype != port.dtype or array.size != np.prod(port.shape, dtype=np.int64):
                raise SdkFault(
                    FAILURE,
                    f"input {port.name} of {self.path} is {port}; {array.dtype} {list(array.shape)} comes in",
                )
        outputs = [np.empty(port.shape, kind) for port, kind in zip(self.outputs, self._made)]
        copy = self._copy()
        try:
            copy.run([_memory(array) for array in arrays], [_memory(array) for array in outputs])
        finally:
            self._hand_back(copy)
        return [array.astype(port.dtype, copy=False) for array, port in zip(outputs, self.outputs)]

    def close(self) -> None:
        """Runs that are under way come to their end first; a model that runs must not be unloaded."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            until = time.monotonic() + STOP_SECONDS
            while len(self._free) < self._count and time.monotonic() < until:
                self._changed.wait(0.1)
            copies, stuck = self._free, self._count - len(self._free)
            self._free = []
        for copy in copies:
            copy.close()
        if stuck:
            log.warning(
                "%s: the chip does not end a run, so the device is not given back; restart the board", self.path
            )
            return
        with suppress(ValueError):
            self._device.forget(self.close)
        self._device.close()

    def _copy(self) -> LoadedModel:
        """A free copy, loaded if need be."""
        with self._changed:
            while True:
                if self._closed:
                    raise SdkFault(STREAM_NOT_EXIST, f"the model {self.path} was closed")
                if self._device.lost:
                    raise AclFault(0, self._device.lost, lost=True)
                if self._free:
                    return self._free.pop()
                if self._count < self._most:
                    self._count += 1
                    break
                self._changed.wait()
        try:
            return LoadedModel(self._device, str(self.path))
        except BaseException as fault:
            with self._changed:
                self._count -= 1
                self._most = max(self._count, 1)
                self._changed.notify_all()
            if isinstance(fault, AclFault) and fault.acl_code in OUT_OF_DEVICE_MEMORY and self._most:
                log.info("%s: the chip has room for %d copies of the model", self.path, self._most)
                return self._copy()
            raise

    def _hand_back(self, copy: LoadedModel) -> None:
        with self._changed:
            self._free.append(copy)
            self._changed.notify_all()


def _given(kind: np.dtype) -> np.dtype:
    """The type in which an output is handed on."""
    return np.dtype(np.float32) if kind == np.float16 else kind


def _memory(array: np.ndarray) -> HostMemory:
    return HostMemory(int(array.ctypes.data), int(array.nbytes))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
