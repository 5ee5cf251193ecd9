"""`python -m compress VERB`, and `python path/to/compress VERB`, which works from any folder, not installed."""

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

from deploy.program import run_program

if __name__ == "__main__":
    sys.exit(run_program("compress.cli"))
