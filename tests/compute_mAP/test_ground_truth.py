from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from compute_mAP.errors import DataError
from compute_mAP.ground_truth import load_ground_truth
from compute_mAP.voc_devkit import find_devkit, read_image_set
from compute_mAP.voc_xml import Object
from tests.compute_mAP.conftest import annotation_text

CAT = Object("cat", 1, 2, 3, 4, False)


def test_ground_truth(make_devkit: Callable[..., Path]) -> None:
    devkit = find_devkit(make_devkit({"b": [CAT], "a": [], "c": [CAT._replace(x1=1), CAT]}))
    truth, notes = load_ground_truth(devkit, ["c", "b", "a"])
    assert list(truth) == ["c", "b", "a"]
    assert [truth[name].objects for name in "abc"] == [[], [CAT], [CAT]]
    assert len(notes) == 1 and "c.xml: object 1 (cat): the box 1 2 1 4 has no area" in notes[0]


def test_missing_or_malformed_annotation(make_devkit: Callable[..., Path]) -> None:
    devkit = find_devkit(make_devkit({"a": [CAT]}))
    with pytest.raises(DataError, match=r"test\.txt lists 'b', but there is no annotation .*b\.xml"):
        load_ground_truth(devkit, ["a", "b"])
    (devkit.annotations / "a.xml").write_text("<annotation>", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.xml: line 1: malformed XML"):
        load_ground_truth(devkit, ["a"])


def test_bccd_names_its_two_faulty_boxes(shared: Path) -> None:
    devkit = find_devkit(shared / "data/bccd/VOCdevkit", image_set="trainval")
    truth, notes = load_ground_truth(devkit, read_image_set(devkit.image_set_file).names)
    assert len(truth) == 292
    assert [any(name in note for note in notes) for name in ("BloodImage_00338", "BloodImage_00343")] == [True, True]
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("orientation", "size", "box", "note"),
    [
        pytest.param(6, (60, 40), (25, 10, 35, 30), "annotated on the unturned pixels", id="stored frame"),
        pytest.param(6, (40, 60), (10, 5, 30, 15), "", id="as shown"),
        pytest.param(3, (60, 40), (10, 5, 30, 15), "does not tell on which pixels", id="cannot be known"),
        pytest.param(1, (60, 40), (10, 5, 30, 15), "", id="upright"),
    ],
)
def test_annotations_of_images_that_exif_turns(
    make_devkit: Callable[..., Path], orientation: int, size: tuple[int, int], box: tuple[int, ...], note: str
) -> None:
    devkit = find_devkit(make_devkit({"a": []}))
    text = annotation_text([Object("cat", 10, 5, 30, 15, False)], *size)
    (devkit.annotations / "a.xml").write_text(text, encoding="utf-8")
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (60, 40)).save(devkit.images / "a.JPG", "JPEG", exif=exif)
    truth, notes = load_ground_truth(devkit, ["a"])
    assert truth["a"].objects == [Object("cat", *box, False)]
    assert note in "".join(notes) and len(notes) == bool(note)
