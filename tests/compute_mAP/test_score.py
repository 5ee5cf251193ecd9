from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.score import score
from compute_mAP.voc_devkit import find_devkit
from compute_mAP.voc_xml import Object

CAT = Object("cat", 1, 1, 10, 10, False)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    folder = tmp_path / "txt_result"
    folder.mkdir()
    (folder / "det_test_cat.txt").write_text("a b 0.9 1 1 10 10\n", encoding="utf-8")
    return folder


def test_score(make_devkit: Callable[..., Path], result: Path) -> None:
    root = make_devkit({"a b": [CAT, CAT._replace(x1=1)], "c": [CAT, CAT._replace(name="dog")]}, image_set="val")
    devkit = find_devkit(root)
    with devkit.image_set_file.open("a", encoding="utf-8") as file:
        file.write("\nc\n")
    (result / "failed_images.txt").write_text("c\n\n", encoding="utf-8")
    report = score(result, devkit, ["cat", "cow"], "voc07")
    # One of two cats is found, without a wrong detection: the recalls 0 to 0.5 of the eleven. The failed one counts.
    assert report.ap50 == {"cat": pytest.approx(6 / 11), "cow": None}
    assert (report.protocol, report.images, report.failed_images) == ("voc07", 2, 1)
    beginnings = ["blank lines", "names that came before", "a b.xml: object 2", "for cow: counted", "'dog'", "'cow'"]
    assert len(report.notes) == len(beginnings)
    for note, part in zip(report.notes, beginnings):
        assert part in note


def test_nothing_failed(make_devkit: Callable[..., Path], result: Path) -> None:
    devkit = find_devkit(make_devkit({"a b": [CAT]}))
    assert score(result, devkit, ["cat"]).failed_images == 0
    (result / "failed_images.txt").touch()
    assert score(result, devkit, ["cat"]).failed_images == 0


def test_detection_outside_the_set(make_devkit: Callable[..., Path], result: Path) -> None:
    with pytest.raises(DataError, match="in image 'a b', which is not in the image set"):
        score(result, find_devkit(make_devkit({"c": [CAT]})), ["cat"])
