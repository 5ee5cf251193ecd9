"""How every program of this project starts and ends: `python -m deploy`, `deploy.atc` and `compress` alike."""

import importlib
import os
import signal
import sys


def run_program(module: str) -> int:
    """Import `module`, run its `main` and return the exit code. Ctrl-C ends it with one sentence, also while importing.

    After Ctrl-C it does not return: modules that were being imported may crash at Python's own end.
    """
    try:
        code: int = importlib.import_module(module).main()
    except KeyboardInterrupt:
        print("interrupted; nothing was begun", file=sys.stderr)
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and done, but for Python's own end
    if code == 130:
        for channel in (sys.stdout, sys.stderr):
            channel.flush()
        os._exit(code)
    return code
