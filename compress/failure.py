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
    if isinstance(error, ReportedError):
        sentence, code = str(error), error.exit_code
    elif isinstance(error, ModuleNotFoundError) and (missing := missing_package(error)):
        sentence, code = str(missing), missing.exit_code
    elif isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        sentence, code = f"{place}{error.strerror or error}", 1
    else:
        raise error
    print(f"error: {sentence}", file=sys.stderr)
    return code
