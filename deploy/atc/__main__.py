"""`bash build.sh BUNDLE`, also `python -m deploy.atc BUNDLE`: turns a bundle's ONNX into an OM."""

import os
import signal
import sys
from pathlib import Path

if not __package__:
    # Run by its path: Python then looks for modules in this folder, where the packages are not.
    ROOT = str(Path(__file__).resolve().parent.parent.parent)
    sys.path[0] = ROOT
    import compute_mAP  # noqa: F401  from here on it finds its own modules
    from deploy.module_path import leave_out

    leave_out(ROOT)


def start() -> int:
    """Run one command. Ctrl-C ends it with one sentence while modules are still being imported, too."""
    try:
        from deploy.atc.cli import main

        code = main()
    except KeyboardInterrupt:
        print("interrupted; nothing was begun", file=sys.stderr)
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and done, but for Python's own end
    if code == 130:
        for channel in (sys.stdout, sys.stderr):
            channel.flush()
        os._exit(code)  # modules that were being imported may crash at Python's own end
    return code


if __name__ == "__main__":
    sys.exit(start())
