"""Numbers of a .pipeline file, read as GStreamer reads them."""

import pytest

from deploy.host.catalog.numbers import real_number, whole_number

INT64 = (-1, 2**63 - 1)
INT32 = (-1, 2**31 - 1)
UINT32 = (0, 2**32 - 1)
UINT64 = (0, 2**64 - 1)


@pytest.mark.parametrize(
    ("text", "limits", "number"),
    [
        pytest.param("12", (0, 100), 12, id="decimal"),
        pytest.param("+12", (0, 100), 12, id="with a plus"),
        pytest.param(" 12", (0, 100), 12, id="strtoull skips blanks before a number"),
        pytest.param("12 ", (0, 100), None, id="but none behind it"),
        pytest.param("0x10", (0, 100), 16, id="hexadecimal"),
        pytest.param("010", (0, 100), 8, id="octal"),
        pytest.param("08", (0, 100), None, id="no octal digit"),
        pytest.param("0x", (0, 100), None, id="hexadecimal without digits"),
        pytest.param("1e2", (0, 100), None, id="no whole number"),
        pytest.param("", (0, 100), None, id="empty"),
        pytest.param("\u0663", (0, 100), None, id="a digit of another script"),
        pytest.param("101", (0, 100), None, id="above the limit"),
        pytest.param("-1", INT64, -1, id="signed"),
        pytest.param("-2", INT64, None, id="below the limit"),
        pytest.param("-1", UINT32, None, id="ValidateUintProperty looks for a minus"),
        pytest.param("-0", UINT32, None, id="even before a zero"),
        pytest.param("18446744073709551615", INT64, -1, id="all bits set is -1: the SDK's EasyStream.pipeline"),
        pytest.param("18446744073709551615", UINT64, 2**64 - 1, id="and the largest number without sign"),
        pytest.param("18446744073709551616", INT64, None, id="ERANGE"),
        pytest.param("9223372036854775807", INT64, 2**63 - 1, id="the largest of 64 bits"),
        pytest.param("9223372036854775808", INT64, None, id="wraps to the smallest"),
        pytest.param("4294967295", INT32, -1, id="32 bits wrap too"),
        pytest.param("4294967296", INT32, None, id="more than 32 bits"),
        pytest.param("4294967295", UINT32, 2**32 - 1, id="the largest of 32 bits without sign"),
        pytest.param("max", INT64, 2**63 - 1, id="max"),
        pytest.param("MIN", UINT32, 0, id="min, in capitals"),
        pytest.param("min", INT32, None, id="the type's smallest is below the limit"),
        pytest.param("9" * 5000, UINT64, None, id="endless"),
    ],
)
def test_whole_numbers(text, limits, number):
    assert whole_number(text, *limits) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("0.5", 0.5, id="decimal"),
        pytest.param(".5", 0.5, id="without a first digit"),
        pytest.param("5e-1", 0.5, id="with an exponent"),
        pytest.param("1e1", None, id="above the limit"),
        pytest.param("1e999", None, id="infinite"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("0,5", None, id="a comma"),
        pytest.param("", None, id="empty"),
    ],
)
def test_real_numbers(text, number):
    assert real_number(text, 0, 1) == number
