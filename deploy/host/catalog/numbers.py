"""Numbers in a .pipeline file as GStreamer reads them (gst_value_deserialize, gstvalue.c), which the SDK asks before it
compares them with a property's limits (MxsmElement::ValidateElementSingleProperty)."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]{1,40}|0[0-7]{0,40}|[1-9][0-9]{0,40})", re.ASCII)
_REAL = re.compile(r"[ \t\n\v\f\r]*[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?", re.ASCII)
_WORDS = {"little_endian": 1234, "big_endian": 4321, "byte_order": 1234}  # the boards are little endian
_MOST = 2**64 - 1


def whole_number(text: str, low: int, high: int) -> int | None:
    """The number that a property with the limits [low, high] gets, or None where the SDK refuses the text.

    Decimal, hexadecimal (0x10) and octal (010) are read, and the words "min" and "max". The type follows from the
    limits: signed where `low` is negative, of 64 bits where 32 do not hold them. A text is read as an unsigned number
    of 64 bits and then taken for the type's bits: 18446744073709551615 is -1 to a signed property. An unsigned one
    takes no minus.
    """
    signed = low < 0
    bits = 64 if high >= 2 ** (31 if signed else 32) else 32
    if not signed and "-" in text:
        return None
    number = _deserialized(text, signed, bits)
    return number if number is not None and low <= number <= high else None


def real_number(text: str, low: float, high: float) -> float | None:
    """The decimal number that a property with the limits [low, high] gets, or None where the SDK refuses the text."""
    if not _REAL.fullmatch(text):
        return None
    number = float(text)
    return number if low <= number <= high else None


def _deserialized(text: str, signed: bool, bits: int) -> int | None:
    """gst_value_deserialize_int_helper, and the assignment to the type's own width."""
    word = text.lower()
    if word in ("min", "max"):
        least = -(2 ** (bits - 1)) if signed else 0
        return least if word == "min" else least + 2**bits - 1
    if word in _WORDS:
        return _WORDS[word]
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    sign, digits = found.groups()
    number = int(digits, 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10)
    if number > _MOST:
        return None
    number = _signed(-number if sign == "-" else number, 64)
    if bits == 32 and not -(2**31) <= number < 2**32:
        return None
    return _signed(number, bits) if signed else number % 2**bits


def _signed(number: int, bits: int) -> int:
    """The number that the lowest `bits` bits stand for in two's complement."""
    return (number + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
