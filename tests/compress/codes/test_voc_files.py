"""Annotation and image sets as text."""

from pathlib import Path

from compress.codes.voc_files import VocObject, annotation_xml, image_sets
from compute_mAP.voc_xml import Object, read_annotation


def test_annotation_is_read_back(tmp_path: Path) -> None:
    objects = [
        VocObject("a & b", (1, 2, 30, 40), truncated=True),
        VocObject("<c>", (0, 0, 64, 48), occluded=True, difficult=True),
    ]
    file = tmp_path / "a.xml"
    file.write_text(annotation_xml("VOC2007", "a.jpg", 64, 48, objects))
    annotation = read_annotation(file)
    assert annotation.objects == [Object("a & b", 1, 2, 30, 40, False), Object("<c>", 0, 0, 64, 48, True)]
    assert (annotation.width, annotation.height, annotation.faults) == (64, 48, [])
    for flag in ("truncated", "occluded", "difficult"):
        assert file.read_text().count(f"<{flag}>1</{flag}>") == file.read_text().count(f"<{flag}>0</{flag}>") == 1


def test_image_sets() -> None:
    assert image_sets(["a", "b", "c", "d"], ["val", "train", "test", "train"]) == {
        "train": ["b", "d"],
        "val": ["a"],
        "trainval": ["a", "b", "d"],
        "test": ["c"],
    }
