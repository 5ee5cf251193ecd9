"""`python -m deploy VERB`, and `python path/to/deploy VERB`, which works from any folder without an installation."""

import sys
from pathlib import Path

if not __package__:
    # Run by its path: Python then looks for modules in this folder, where the packages are not.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from deploy.cli import main

if __name__ == "__main__":
    sys.exit(main())
