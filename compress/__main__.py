"""`python -m compress VERB`, and `python path/to/compress VERB`, which works from any folder, not installed."""

import os
import signal
import sys
from pathlib import Path

if not __package__:
    # Run by its path: Python then looks for modules in this folder, where the packages are not. The project's folder
    # stays on the path for the processes that some verbs start, but behind all that is installed: people work there.
    ROOT = str(Path(__file__).resolve().parent.parent)
    sys.path[0] = ROOT
    import compress  # noqa: F401
    import compute_mAP  # noqa: F401
    import deploy  # noqa: F401

    sys.path.append(sys.path.pop(0))


def start() -> int:
    """Run one command. Ctrl-C ends it with one sentence while modules are still being imported, too."""
    try:
        from compress.cli import main

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
