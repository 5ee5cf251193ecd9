"""The symbols: valid random contents, encoded by zxing-cpp into modules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import zxingcpp
from zxingcpp import BarcodeFormat

# The classes in the order of their numbers, as in the code-reading detectors that this project grew from.
CLASSES = ("dmcode", "qrcode", "barcode")

_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./abcdefghijklmnopqrstuvwxyz"))
# Code 128 packs pairs of digits; capitals and digits keep the symbols about as wide as EAN-13.
_CAPITALS = _LETTERS[:37]


@dataclass(frozen=True)
class Symbol:
    """One symbol. `modules` is bool [rows, columns], True where ink is; a linear symbol is drawn as a single row.

    `quiet_zone` is the width in modules of the empty border that the standard asks for.
    """

    name: str
    text: str
    modules: np.ndarray
    quiet_zone: int

    @property
    def linear(self) -> bool:
        return len(self.modules) == 1


def random_symbol(rng: np.random.Generator, name: str) -> Symbol:
    """A symbol of class `name`: Data Matrix (ECC 200, square), QR Code, or one of EAN-13, EAN-8 and Code 128."""
    if name == "dmcode":
        text = _text(rng, _LETTERS, 2, 24)
        return Symbol(name, text, _modules(text, BarcodeFormat.DataMatrix, force_square=True), 1)
    if name == "qrcode":
        text = _text(rng, _LETTERS, 3, 40)
        return Symbol(name, text, _modules(text, BarcodeFormat.QRCode, ec_level=str(rng.choice(list("LMQH")))), 4)
    assert name == "barcode"
    kind = rng.random()
    if kind < 0.45:
        text = with_check_digit(_digits(rng, 12))
        return Symbol(name, text, _modules(text, BarcodeFormat.EAN13)[:1], 9)
    if kind < 0.6:
        text = with_check_digit(_digits(rng, 7))
        return Symbol(name, text, _modules(text, BarcodeFormat.EAN8)[:1], 7)
    text = _text(rng, _CAPITALS, 4, 9)
    return Symbol(name, text, _modules(text, BarcodeFormat.Code128)[:1], 10)


def with_check_digit(digits: str) -> str:
    """Append the GS1 check digit: weights 3, 1, 3 ... from the right (GS1 General Specifications, section 7.9)."""
    total = sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def _modules(text: str, kind: BarcodeFormat, **options: str | bool) -> np.ndarray:
    image = zxingcpp.create_barcode(text, kind, **options).to_image(scale=1, add_quiet_zones=False)
    return np.array(image) == 0


def _text(rng: np.random.Generator, alphabet: np.ndarray, shortest: int, longest: int) -> str:
    return "".join(rng.choice(alphabet, size=int(rng.integers(shortest, longest + 1))))


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, size=count))
