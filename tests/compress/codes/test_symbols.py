"""The symbols are real: a reader reads them."""

import numpy as np
import pytest
import zxingcpp

from compress.codes.symbols import CLASSES, Symbol, random_symbol, with_check_digit

FORMATS = {"dmcode": {"Data Matrix"}, "qrcode": {"QR Code"}, "barcode": {"EAN-13", "EAN-8", "Code 128"}}


def printed(symbol: Symbol, pitch: int = 4) -> np.ndarray:
    """Black on white with its quiet zone: uint8 [h, w]."""
    modules = np.repeat(symbol.modules, 30, axis=0) if symbol.linear else symbol.modules
    grid = np.where(np.pad(modules, symbol.quiet_zone), 0, 255).astype(np.uint8)
    return np.kron(grid, np.ones((pitch, pitch), np.uint8))


@pytest.mark.parametrize("name", CLASSES)
def test_symbols_can_be_read(name: str) -> None:
    kinds = set()
    for seed in range(25):
        symbol = random_symbol(np.random.default_rng(seed), name)
        [read] = zxingcpp.read_barcodes(printed(symbol))
        assert read.text == symbol.text
        kinds.add(str(read.format))
    assert kinds == FORMATS[name]


@pytest.mark.parametrize("name", CLASSES)
def test_shape(name: str) -> None:
    shapes = [random_symbol(np.random.default_rng(seed), name).modules.shape for seed in range(25)]
    if name == "barcode":
        assert {rows for rows, _ in shapes} == {1}
    else:
        assert all(rows == columns for rows, columns in shapes), "no rectangular Data Matrix"
        assert len(set(shapes)) > 2, "contents differ in length"


@pytest.mark.parametrize(
    "code",
    [
        "4006381333931",  # the example of the EAN-13 article of Wikipedia
        "96385074",  # the example of its EAN-8 article
        "0000000000000",  # a sum of 0 needs no 10
    ],
)
def test_check_digit(code: str) -> None:
    assert with_check_digit(code[:-1]) == code
