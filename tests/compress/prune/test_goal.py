"""Goals: what each kind takes, and how amounts are written."""

from __future__ import annotations

import pytest

from compress.prune.goal import Goal, read_amount
from deploy.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        pytest.param("percent", 1.0, "--percent is 1, expected 0 up to", id="nothing would be left"),
        pytest.param("percent", -0.1, "--percent is -0.1", id="a negative share"),
        pytest.param("percent", 50, "--percent is 50", id="a percentage in place of a share"),
        pytest.param("percent", float("nan"), "--percent is nan", id="not a number"),
        pytest.param("uniform", 0.0, "--uniform is 0, expected a share above 0 and up to 1", id="no channel"),
        pytest.param("uniform", 1.5, "--uniform is 1.5", id="more than all"),
        pytest.param("threshold", -1, "--threshold is -1, expected a number above 0", id="a negative score"),
        pytest.param("latency", float("inf"), "--latency is inf, expected a number above 0", id="endless"),
    ],
)
def test_value_that_the_kind_does_not_have(kind: str, value: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Goal(kind, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        pytest.param("0.4", 800e6, id="a share"),
        pytest.param("1", 2e9, id="all, not one operation"),
        pytest.param("40%", 800e6, id="a percentage"),
        pytest.param("1.5G", 1.5e9, id="giga"),
        pytest.param("900M", 900e6, id="mega"),
        pytest.param("8e8", 8e8, id="a plain number above 1"),
        pytest.param(" 250K ", 250e3, id="blanks around"),
    ],
)
def test_amount(text: str, amount: float) -> None:
    assert read_amount("--flops", text, 2e9) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "half", "-0.4", "0", "0%", "2.1G", "101%", "1.5B", "1,5G", "nan", "0.4 0.5"])
def test_amount_that_is_none_or_too_large(text: str) -> None:
    with pytest.raises(UsageError, match=rf"--flops is '{text}', expected"):
        read_amount("--flops", text, 2e9)
