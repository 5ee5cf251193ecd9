"""The scorer's errors, reported as one sentence instead of a traceback; `deploy/errors.py` adds those of the driver."""


class ReportedError(Exception):
    """A failure with a sentence for the user: the file, key or line, what was found, what was expected.

    `exit_code` is the code that a command ends with: 1 for a failure at run time, others in the subclasses.
    """

    exit_code = 1


class UsageError(ReportedError):
    """The command was called wrongly."""

    exit_code = 2


class DataError(ReportedError):
    """An image, an annotation, an image set or a devkit is not what it should be."""

    exit_code = 3
