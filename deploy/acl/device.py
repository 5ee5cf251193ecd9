"""The chip, opened for this process: acl initialised once, a context for each device, all given back in order.

A killed program can leave the chip busy until the board is started anew. So what is open is closed at the end of the
program however it ends, also by SIGTERM.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from contextlib import ExitStack
from types import FrameType
from typing import Any, Callable

from deploy.acl.codes import INITIALISED_TWICE, AclFault, acl_fault
from deploy.acl.find_acl import find_acl
from deploy.sdk_codes import INIT_FAIL, SdkFault

_lock = threading.RLock()
_open: dict[int, Device] = {}
_finalizes = False
"""Whether this process initialised acl itself; what else lives in it (torch_npu, ais_bench) may have done it first."""
_prepared = False


class Device:
    """A device with a context of its own, for all threads. Made by `open_device`; `close` it as often.

    `acl` is the module, `soc` the chip's name. `lost` is the sentence of the fault after which the device answers
    nothing any more, "" before.
    """

    def __init__(self, acl: Any, soc: str, number: int) -> None:
        self.acl = acl
        self.soc = soc
        self.number = number
        self.lost = ""
        self._users = 0
        self._closers: list[Callable[[], None]] = []
        with ExitStack() as undo:
            self.check(acl.rt.set_device(number), "rt.set_device", f"device {number} cannot be opened")
            undo.callback(acl.rt.reset_device, number)
            self.context, code = acl.rt.create_context(number)
            self.check(code, "rt.create_context", f"device {number} cannot be opened")
            undo.pop_all()

    def enter(self) -> None:
        """To be called by every thread before anything that happens on the device."""
        self.check(self.acl.rt.set_context(self.context), "rt.set_context", f"device {self.number} cannot be used")

    def check(self, code: int, call: str, what: str, running: bool = False) -> None:
        """Raises AclFault for a code other than 0, and remembers one after which the device is lost."""
        if code == 0:
            return
        fault = acl_fault(self.acl, call, code, what, running)
        if fault.lost:
            self.lost = self.lost or fault.sentence
        raise fault

    def on_exit(self, closer: Callable[[], None]) -> None:
        """Call this before the device is given back at the end of the program."""
        self._closers.append(closer)

    def forget(self, closer: Callable[[], None]) -> None:
        self._closers.remove(closer)

    def close(self) -> None:
        """The last one who does this gives the device back."""
        with _lock:
            self._users -= 1
            if self._users > 0 or _open.get(self.number) is not self:
                return
            del _open[self.number]
            # what fails here has nobody to tell, and the next step has to be taken all the same
            self.acl.rt.set_context(self.context)
            self.acl.rt.destroy_context(self.context)
            self.acl.rt.reset_device(self.number)


def open_device(number: int = 0) -> Device:
    """The device of that number, opened by the first who asks; every call asks for a `close`.

    Raises SdkFault where there is no module acl or no chip, AclFault where it cannot be opened.
    """
    global _finalizes, _prepared
    with _lock:
        if number not in _open:
            found = find_acl()
            if found.module is None:
                raise SdkFault(INIT_FAIL, found.why)
            if not _prepared:
                code = found.module.init()
                if code not in (0, INITIALISED_TWICE):
                    raise acl_fault(found.module, "init", code, "acl cannot be initialised")
                _finalizes, _prepared = code == 0, True
                atexit.register(give_back)
                _give_back_on_sigterm()
            _open[number] = Device(found.module, found.soc, number)
        device = _open[number]
        device._users += 1
        return device


def give_back() -> None:
    """Close all that is open, and finalize acl where it was initialised here. Later calls do nothing."""
    global _finalizes, _prepared
    with _lock:
        for device in list(_open.values()):
            for closer in reversed(list(device._closers)):
                closer()
        stuck = bool(_open)  # a model that still runs keeps its device; to go on would end in a crash
        if _finalizes and not stuck:
            sys.modules["acl"].finalize()
        if not stuck:
            _finalizes = _prepared = False
            atexit.unregister(give_back)


def is_lost() -> str:
    """Why an open device answers nothing any more; "" where all do."""
    return next((device.lost for device in _open.values() if device.lost), "")


def _give_back_on_sigterm() -> None:
    """SIGTERM ends the program as SystemExit does, so that everything is closed; a handler of somebody else stays."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


__all__ = ["AclFault", "Device", "give_back", "is_lost", "open_device"]
