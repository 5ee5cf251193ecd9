"""One copy of an OM on the chip: its buffers, which are made once, and its runs, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from deploy.acl.codes import WRONG_CHIP
from deploy.acl.device import Device
from deploy.acl.metadata import Metadata, Tensor, read_metadata

_HUGE_FIRST = 0  # how device memory is taken
_TO_DEVICE, _TO_HOST = 1, 2


class HostMemory(NamedTuple):
    """Where an array begins, and its size in bytes. Who passes it keeps the array."""

    address: int
    size: int


class LoadedModel:
    """To be used by one thread at a time, whichever it is.

    Execution is asynchronous and waited for: that wait alone lets other Python threads run, acl.mdl.execute would hold
    them all up. `metadata` is what the model says of itself.

    Raises AclFault where the chip refuses the model or has no room for it, and what read_metadata raises; nothing of
    it then stays on the chip.
    """

    def __init__(self, device: Device, path: str) -> None:
        self._device = device
        self._acl = acl = device.acl
        self._path = path
        device.enter()
        with ExitStack() as undo:
            self._stream, code = acl.rt.create_stream()
            self._check(code, "rt.create_stream")
            undo.callback(acl.rt.destroy_stream, self._stream)
            desc = self._made(acl.mdl.create_desc(), "mdl.create_desc")
            undo.callback(acl.mdl.destroy_desc, desc)
            self._model, code = acl.mdl.load_from_file(path)
            self._check(code, "mdl.load_from_file", wrong_chip=code in WRONG_CHIP)
            undo.callback(acl.mdl.unload, self._model)
            self._check(acl.mdl.get_desc(desc, self._model), "mdl.get_desc")
            self.metadata: Metadata = read_metadata(acl, desc, self._model, path)
            self._in, self._inputs = self._buffers(self.metadata.inputs, undo)
            self._out, self._outputs = self._buffers(self.metadata.outputs, undo)
            self._undo = undo.pop_all()

    def run(self, inputs: Sequence[HostMemory], outputs: Sequence[HostMemory]) -> None:
        """Compute the outputs for the inputs, in the order of `metadata`. The sizes have to be exact: the chip itself
        takes too many bytes, and up to 64 too few, without a word.

        Raises AclFault.
        """
        assert [entry.size for entry in inputs] == [tensor.size for tensor in self.metadata.inputs]
        assert [entry.size for entry in outputs] == [tensor.size for tensor in self.metadata.outputs]
        acl, failed = self._acl, f"the model {self._path} cannot be run"
        self._device.enter()
        for source, target in zip(inputs, self._inputs):
            code = acl.rt.memcpy(target, source.size, source.address, source.size, _TO_DEVICE)
            self._device.check(code, "rt.memcpy", failed, running=True)
        code = acl.mdl.execute_async(self._model, self._in, self._out, self._stream)
        self._device.check(code, "mdl.execute_async", failed, running=True)
        code = acl.rt.synchronize_stream(self._stream)
        self._device.check(code, "rt.synchronize_stream", failed, running=True)
        for memory, place in zip(outputs, self._outputs):
            code = acl.rt.memcpy(memory.address, memory.size, place, memory.size, _TO_HOST)
            self._device.check(code, "rt.memcpy", failed, running=True)

    def close(self) -> None:
        """Give everything back, in the opposite order. Not while `run` is under way."""
        self._acl.rt.set_context(self._device.context)
        self._undo.close()

    def _buffers(self, tensors: Sequence[Tensor], undo: ExitStack) -> tuple[int, list[int]]:
        """A data set with a buffer of device memory for each tensor, and the addresses of these."""
        acl = self._acl
        places = []
        for tensor in tensors:
            place, code = acl.rt.malloc(tensor.size, _HUGE_FIRST)
            self._check(code, "rt.malloc")
            undo.callback(acl.rt.free, place)
            places.append(place)
        dataset = self._made(acl.mdl.create_dataset(), "mdl.create_dataset")
        undo.callback(acl.mdl.destroy_dataset, dataset)
        for tensor, place in zip(tensors, places):
            buffer = self._made(acl.create_data_buffer(place, tensor.size), "create_data_buffer")
            undo.callback(acl.destroy_data_buffer, buffer)
            self._check(acl.mdl.add_dataset_buffer(dataset, buffer)[1], "mdl.add_dataset_buffer")
        return dataset, places

    def _made(self, handle: int, call: str) -> int:
        """What such calls answer with in place of a code: 0 is failure."""
        self._check(0 if handle else 500001, call)
        return handle

    def _check(self, code: int, call: str, wrong_chip: bool = False) -> None:
        soc = self._device.soc
        chip = f" on this {soc}; bash build.sh BUNDLE --soc {soc} converts it for this chip" if wrong_chip else ""
        self._device.check(code, call, f"the model {self._path} cannot be loaded{chip}")
