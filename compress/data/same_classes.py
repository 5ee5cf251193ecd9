"""The rule that weights and data set have the same classes, in the same order."""

from __future__ import annotations

from collections.abc import Sequence

from compress.data.data_yaml import DataSet
from deploy.errors import DataError


def check_same_classes(data: DataSet, names: Sequence[str]) -> None:
    """Raises DataError, naming both, where a data set does not have exactly the classes `names` of a model."""
    if data.names != list(names):
        raise DataError(
            f"{data.file}: has the {len(data.names)} classes {', '.join(data.names)[:120]}, "
            f"the weights have {len(names)}: {', '.join(names)[:120]}"
        )
