"""The errors that the commands report as one sentence instead of a traceback.

They live in the lowest package so that all three share one hierarchy (imports point compress -> deploy -> compute_mAP).
"""


class ReportedError(Exception):
    """A failure with a sentence for the user: the file, key or line, what was found, what was expected.

    `exit_code` is the code a command ends with: 1 failed at run time, 2 wrong usage, 3 bad data, 4 bad model,
    5 environment.
    """

    exit_code = 1


class UsageError(ReportedError):
    """The command was called wrongly."""

    exit_code = 2


class DataError(ReportedError):
    """An image, an annotation, an image set or a devkit is not what it should be."""

    exit_code = 3


class ModelError(ReportedError):
    """A checkpoint, an ONNX file or a bundle is not what it should be."""

    exit_code = 4


class EnvironmentFault(ReportedError):
    """Something is missing around us: an SDK, ATC, a board, a Python package."""

    exit_code = 5
