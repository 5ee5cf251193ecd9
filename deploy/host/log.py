"""The host engine's logger: what the SDK would write into its own log."""

import logging
import sys

log = logging.getLogger("deploy.host")


def speak() -> None:
    """Write it to stderr line by line, whatever a script does with Python's logging."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
