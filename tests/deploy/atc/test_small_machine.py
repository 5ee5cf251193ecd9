"""What ATC is told on a machine with little memory."""

import pytest

from deploy.atc.small_machine import ENOUGH, limits, memory_of_machine

BOTH = {"TE_PARALLEL_COMPILER": "1", "MAX_COMPILE_CORE_NUMBER": "1"}


@pytest.mark.parametrize(
    ("variables", "memory", "added"),
    [
        pytest.param({}, ENOUGH, {}, id="a server"),
        pytest.param({}, 4 << 30, BOTH, id="a board with 4 GB"),
        pytest.param({}, 0, {}, id="not known"),
        pytest.param({"TE_PARALLEL_COMPILER": "4"}, 4 << 30, {"MAX_COMPILE_CORE_NUMBER": "1"}, id="the user's own"),
    ],
)
def test_limits(variables: dict[str, str], memory: int, added: dict[str, str]) -> None:
    assert limits(variables, memory) == added


def test_memory_of_this_machine() -> None:
    assert memory_of_machine() > 1 << 28
