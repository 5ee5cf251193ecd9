"""How every program of this project starts and ends: `python -m deploy`, `deploy.atc` and `compress` alike."""

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Optional

_ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_PROCESS = os.getpid()
_came: list[int] = []
"""Those of them that came."""


def run_program(module: str) -> int:
    """Import `module`, run its `main` and return the exit code. Ctrl-C ends it with one sentence, also while importing.
    So do SIGTERM and a terminal that is closed, which would else leave nothing in order; the code is then 128 and the
    signal's number.

    After Ctrl-C it does not return: modules that were being imported may crash at Python's own end.
    """
    begun = False
    for ending in _ENDINGS:
        if signal.getsignal(ending) is signal.SIG_DFL:  # nohup ignores one
            signal.signal(ending, _interrupt)
    try:
        main = importlib.import_module(module).main
        begun = True
        code: int = main()
    except KeyboardInterrupt:
        if not getattr(sys.modules.get("deploy.console"), "interrupted_said", False):  # a second one came then
            print("interrupted" if begun else "interrupted; nothing was begun", file=sys.stderr)
        code = 130
    for ending in (signal.SIGINT, *_ENDINGS):
        signal.signal(ending, signal.SIG_IGN)  # all is said and done, but for Python's own end
    if code == 130:
        code = 128 + (_came[-1] if _came else signal.SIGINT)
        for channel in (sys.stdout, sys.stderr):
            channel.flush()
        os._exit(code)
    return code


def _interrupt(number: int, frame: Optional[FrameType]) -> None:
    if os.getpid() != _PROCESS:  # a process forked off by some library
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    _came.append(number)
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    (on_ctrl_c if callable(on_ctrl_c) else signal.default_int_handler)(signal.SIGINT, frame)
