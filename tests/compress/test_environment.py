"""What importing the package sets up for the libraries behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "PASSIVE", id="idle threads sleep"),
        pytest.param({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE", id="the user's choice"),
    ],
)
def test_wait_policy(given: dict[str, str], expected: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"} | given | {"PYTHONPATH": str(ROOT)}
    program = "import compress, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [expected, "False"], "set, and before torch is imported"
