"""`bash build.sh BUNDLE`, also `python -m deploy.atc BUNDLE`: turns a bundle's ONNX into an OM."""

import sys
from pathlib import Path

if not __package__:
    # Run by its path: Python then looks for modules in this folder, where the packages are not.
    ROOT = str(Path(__file__).resolve().parent.parent.parent)
    sys.path[0] = ROOT
    import compute_mAP  # noqa: F401  from here on it finds its own modules
    from deploy.module_path import leave_out

    leave_out(ROOT)

from deploy.program import run_program

if __name__ == "__main__":
    sys.exit(run_program("deploy.atc.cli"))
