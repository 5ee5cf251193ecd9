"""Annotation and image sets as text."""

from pathlib import Path

from compress.data.codes.voc_files import annotation_xml, image_sets
from compute_mAP.voc_xml import Object, read_annotation


def test_annotation_is_read_back(tmp_path: Path) -> None:
    objects = [("a & b", (1, 2, 30, 40), True), ("<c>", (0, 0, 64, 48), False)]
    file = tmp_path / "a.xml"
    file.write_text(annotation_xml("VOC2007", "a.jpg", 64, 48, objects))
    annotation = read_annotation(file)
    assert annotation.objects == [Object("a & b", 1, 2, 30, 40, False), Object("<c>", 0, 0, 64, 48, False)]
    assert (annotation.width, annotation.height, annotation.faults) == (64, 48, [])
    assert file.read_text().count("<truncated>1</truncated>") == 1


def test_image_sets() -> None:
    assert image_sets(["a", "b", "c", "d"], ["val", "train", "test", "train"]) == {
        "train": ["b", "d"],
        "val": ["a"],
        "trainval": ["a", "b", "d"],
        "test": ["c"],
    }
