"""What a failure is to the user: one sentence on stderr and an exit code."""

from __future__ import annotations

import sys

from deploy.errors import EnvironmentFault, ReportedError

_OURS = ("compress", "deploy", "compute_mAP")


def missing_package(error: ModuleNotFoundError) -> EnvironmentFault | None:
    """What to say of a package that is not installed, None where it is a module of this program."""
    if (error.name or "").partition(".")[0] in _OURS:
        return None
    return EnvironmentFault(f"the Python package {error.name} is missing: pip install 'ascend-yolo-slim[compress]'")


def report_failure(error: Exception) -> int:
    """Print the error's sentence; returns its exit code. Raises it again where it is a fault of this program."""
    told = sentence_of(error)
    if told is None:
        raise error
    sentence, code = told
    print(f"error: {sentence}", file=sys.stderr)
    return code


def sentence_of(error: Exception) -> tuple[str, int] | None:
    """The error's sentence and its exit code; None where it is a fault of this program."""
    if isinstance(error, ReportedError):
        return str(error), error.exit_code
    if isinstance(error, ModuleNotFoundError) and (missing := missing_package(error)):
        return str(missing), missing.exit_code
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}", 1
    return None
