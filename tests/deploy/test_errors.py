"""The exit codes are an interface, and everything that is raised is reported by its base."""

from __future__ import annotations

import pytest

from compute_mAP.errors import ReportedError as ScorersBase
from deploy import errors


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("ReportedError", 1, id="a failure at run time"),
        pytest.param("UsageError", 2, id="a wrong call"),
        pytest.param("DataError", 3, id="bad data"),
        pytest.param("ModelError", 4, id="a bad model"),
        pytest.param("EnvironmentFault", 5, id="something is missing"),
    ],
)
def test_exit_codes(name: str, code: int) -> None:
    error = getattr(errors, name)
    assert (error.exit_code, issubclass(error, ScorersBase)) == (code, True)


def test_all_are_listed() -> None:
    own = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert own == set(errors.__all__)
