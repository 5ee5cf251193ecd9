"""The standard channels of a program whose caller has closed some of them (`2>&-`)."""

from __future__ import annotations

import os
import sys


def open_closed_channels() -> None:
    """Give each channel that is closed the null device. To be called before any file is opened.

    Python has None in the place of such a channel, and `print(..., file=None)` writes to stdout: messages would mix
    with results. The next file that is opened would become the channel, and what libraries say would land in it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            mode = "w" if number else "r"
            channel = open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, channel)
