"""`bash build.sh BUNDLE`, also `python -m deploy.atc BUNDLE`: turns a bundle's ONNX into an OM."""

import sys
from pathlib import Path

if not __package__:
    # Run by its path: Python then looks for modules in this folder, where the packages are not.
    sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from deploy.atc.cli import main

if __name__ == "__main__":
    sys.exit(main())
