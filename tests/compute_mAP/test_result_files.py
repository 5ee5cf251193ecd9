"""Names of result files."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.result_files import class_file


def test_a_file_for_a_class() -> None:
    assert class_file(Path("txt_result"), "traffic light") == Path("txt_result/det_test_traffic light.txt")


@pytest.mark.parametrize("name", ["../cat", "a\\b", "a\0b"])
def test_class_file_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="holds a character that no file name can have"):
        class_file(tmp_path, name)
