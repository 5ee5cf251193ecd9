"""`python -m compress VERB`."""

import sys

from compress.cli import main

if __name__ == "__main__":
    sys.exit(main())
