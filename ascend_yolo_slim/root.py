"""The folder that holds compress, deploy and compute_mAP: this one in a wheel, the project's in a clone."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
ROOT = _HERE if (_HERE / "deploy").is_dir() else _HERE.parent
