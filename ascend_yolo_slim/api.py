"""The compressor in Python (compress/api.py), from wherever the packages lie.

    from ascend_yolo_slim import api

    api.prune("best.safetensors", percent=0.5, align=8)

Afterwards `compress`, `deploy` and `compute_mAP` are ours in this process, so `deploy.postprocess.yolov8` is there for
pipelines that name it. Raises ImportError where other packages of these names were imported before.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from ascend_yolo_slim.root import ROOT

_PACKAGES = ("compress", "deploy", "compute_mAP")


def _open() -> None:
    sys.path.insert(0, str(ROOT))
    try:
        for name in _PACKAGES:
            found = Path(str(importlib.import_module(name).__file__)).resolve()
            if ROOT not in found.parents:
                raise ImportError(
                    f"ascend-yolo-slim needs its own package {name}, but {found.parent} is imported already"
                )
    finally:
        sys.path.remove(str(ROOT))


_open()
from compress.api import *  # noqa: E402, F403
from compress.api import __all__ as __all__  # noqa: E402
