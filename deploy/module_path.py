"""Where Python looks for modules: never in a folder that people work in, unless they name it themselves."""

from __future__ import annotations

import os
import sys


def leave_out(folder: str) -> None:
    """Take a folder off sys.path, unless the user's PYTHONPATH names it.

    Packages that are imported already go on finding their own modules. An editable installation has put the project's
    folder there too, where a StreamManagerApi.py or cv2.py that somebody left would otherwise be run.
    """
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    wanted = {os.path.realpath(entry) for entry in known if entry}
    gone = os.path.realpath(folder)
    if gone not in wanted:
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != gone]
