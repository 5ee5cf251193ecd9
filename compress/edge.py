"""Runs verbs of `run.sh` on the host engine, as the user's own commands would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.errors import ReportedError

ROOT = Path(__file__).resolve().parent.parent


def run_edge(*arguments: object) -> dict[str, Any]:
    """Run `deploy` with these arguments on the host engine; returns its JSON.

    The command is shown on stderr as the user would type it. Raises ReportedError with its exit code when it fails
    and KeyboardInterrupt when it was interrupted.
    """
    words = [str(a) for a in arguments]
    print(f"$ bash run.sh {' '.join(words)}", file=sys.stderr)
    command = [sys.executable, str(ROOT / "deploy"), *words, "--on", "host", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode:
        failed = ReportedError(f"'run.sh {words[0]}' ended with exit code {done.returncode}")
        failed.exit_code = done.returncode if done.returncode > 0 else 1
        raise failed
    return json.loads(done.stdout)
