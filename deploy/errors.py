"""The errors that a command reports as one sentence instead of a traceback, with the exit code of each.

This is the hierarchy for the driver and the compressor. It is built on the scorer's errors, which stay in the scorer
because it also works alone: `ReportedError` is the base (exit code 1), `UsageError` (2) means a wrong call, `DataError`
(3) a faulty image, annotation, image set or devkit.
"""

from __future__ import annotations

from compute_mAP.errors import DataError, ReportedError, UsageError

__all__ = ["DataError", "EnvironmentFault", "ModelError", "ReportedError", "UsageError"]


class ModelError(ReportedError):
    """A checkpoint, an ONNX file or a bundle is not what it should be."""

    exit_code = 4


class EnvironmentFault(ReportedError):
    """Something on this machine or around it is missing: an SDK, ATC, a board, a Python package."""

    exit_code = 5
