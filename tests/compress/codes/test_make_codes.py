"""The synthetic devkit as a whole."""

import hashlib
from pathlib import Path

import cv2
import pytest

from compress.codes.make_codes import CodesReport, make_codes
from compress.data.voc2yolo import voc2yolo
from compute_mAP.class_names import read_names
from compute_mAP.voc_devkit import find_devkit, read_image_set
from compute_mAP.voc_xml import read_annotation
from deploy.errors import UsageError

IMAGES = 27
CLASSES = ["dmcode", "qrcode", "barcode"]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("codes") / "devkit"
    make_codes(out, IMAGES, seed=3)
    return out


def test_another_seed_gives_other_images(devkit: Path, tmp_path: Path) -> None:
    make_codes(tmp_path / "other", 7, seed=4)
    images = [digest for name, digest in digests(devkit).items() if name.endswith(".jpg")]
    assert not set(images) & set(digests(tmp_path / "other").values())
    assert len(set(images)) == IMAGES, "no image twice"


def test_the_same_seed_gives_the_same_bytes_and_fewer_images_are_the_first_ones(devkit: Path, tmp_path: Path) -> None:
    make_codes(tmp_path / "few", 9, seed=3)
    many = digests(devkit)
    few = {name: digest for name, digest in digests(tmp_path / "few").items() if "/ImageSets/" not in name}
    assert len(few) == 2 * 9 + 2  # codes.names and the marker besides
    del few[".made_by"]  # the marker lists all files, which are more in the other one
    assert few.items() <= many.items()
    for split in ("train", "val", "test"):
        names = read_image_set(tmp_path / "few" / "VOC2007" / "ImageSets" / "Main" / f"{split}.txt").names
        assert names == read_image_set(devkit / "VOC2007" / "ImageSets" / "Main" / f"{split}.txt").names[: len(names)]


def test_splits(devkit: Path) -> None:
    sets = {
        split: read_image_set(find_devkit(devkit, image_set=split).image_set_file).names
        for split in ("train", "val", "trainval", "test")
    }
    assert {split: len(names) for split, names in sets.items()} == {"train": 19, "val": 4, "trainval": 23, "test": 4}
    assert set(sets["trainval"]) == set(sets["train"]) | set(sets["val"])
    assert not set(sets["trainval"]) & set(sets["test"])
    assert not set(sets["train"]) & set(sets["val"])
    names = sets["trainval"] + sets["test"]
    kit = find_devkit(devkit)
    assert sorted(names) == sorted(path.stem for path in kit.images.iterdir())
    assert sorted(names) == sorted(path.stem for path in kit.annotations.iterdir())


def test_annotations_fit_the_images(devkit: Path) -> None:
    kit = find_devkit(devkit)
    boxes = 0
    for file in sorted(kit.annotations.iterdir()):
        annotation = read_annotation(file)
        assert annotation.faults == []
        height, width = cv2.imread(str(kit.images / f"{file.stem}.jpg")).shape[:2]
        assert (annotation.width, annotation.height) == (width, height)
        for entry in annotation.objects:
            assert entry.name in CLASSES
            assert not entry.difficult
            assert 0 <= entry.x0 < entry.x1 <= width
            assert 0 <= entry.y0 < entry.y1 <= height
            boxes += 1
        text = file.read_text()
        assert text.count("<truncated>") == text.count("<pose>") == len(annotation.objects)
        assert f"<filename>{file.stem}.jpg</filename>" in text
        assert "<folder>VOC2007</folder>" in text
    assert boxes > IMAGES


def test_cut_off_symbols_are_marked(devkit: Path) -> None:
    """A symbol is marked as truncated where its box ends at the image's edge, and only there."""
    marked = at_edge_by_chance = 0
    for file in (devkit / "VOC2007" / "Annotations").iterdir():
        annotation = read_annotation(file)
        flags = [part[0] == "1" for part in file.read_text().split("<truncated>")[1:]]
        for entry, truncated in zip(annotation.objects, flags, strict=True):
            to_edges = min(entry.x0, entry.y0, annotation.width - entry.x1, annotation.height - entry.y1)
            marked += truncated
            at_edge_by_chance += not truncated and to_edges == 0
            assert to_edges == 0 or not truncated
    assert marked >= 5
    assert at_edge_by_chance <= 1, "less than a pixel may be missing from a symbol that is not marked"


def test_report_and_progress(tmp_path: Path) -> None:
    progress: list[int] = []
    report = make_codes(tmp_path / "out", 7, seed=0, sides=(64, 128), on_image=progress.append)
    assert isinstance(report, CodesReport)
    assert progress == list(range(1, 8))
    assert report.images == {"train": 5, "val": 1, "trainval": 6, "test": 1}
    text = "".join(file.read_text() for file in (tmp_path / "out" / "VOC2007" / "Annotations").iterdir())
    assert report.objects == {name: text.count(f"<name>{name}</name>") for name in CLASSES}
    assert read_names(tmp_path / "out" / "codes.names") == CLASSES


def test_becomes_a_yolo_set(devkit: Path, tmp_path: Path) -> None:
    report = voc2yolo(devkit, tmp_path / "yolo", names=CLASSES)
    assert report.problems == []
    assert report.images == {"train": 19, "val": 4, "test": 4}


def test_earlier_devkit_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    make_codes(tmp_path / "out", 8, seed=0, sides=(64, 96))
    make_codes(tmp_path / "out", 7, seed=0, sides=(64, 96))
    assert len(list((tmp_path / "out" / "VOC2007" / "JPEGImages").iterdir())) == 7
    (tmp_path / "out" / "mine.txt").write_text("m")
    with pytest.raises(UsageError, match=r"holds mine\.txt too"):
        make_codes(tmp_path / "out", 7)
    with pytest.raises(UsageError, match="holds other things"):
        make_codes(tmp_path, 7)
    assert len(list((tmp_path / "out" / "VOC2007" / "JPEGImages").iterdir())) == 7


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"images": 6}, "6 images: expected at least 7"),  # a split would be empty
        ({"images": 0}, "0 images: expected at least 7"),
        ({"images": -1}, "-1 images"),
        ({"seed": -1}, "seed -1: expected 0 or more"),
        ({"sides": (640, 320)}, "image sides 640 to 320"),
        ({"sides": (10, 320)}, "image sides 10 to 320"),
        ({"sides": (320, 100000)}, "image sides 320 to 100000"),
        ({"size": (640, 10)}, "image size 640x10: expected 64 to 4096 pixels each way"),
        ({"size": (5000, 640)}, "image size 5000x640"),
        ({"hardness": "hard"}, "hardness 'hard': expected one of easy, real"),
        ({"workers": 0}, "0 workers: expected 1 or more"),
    ],
)
def test_bad_arguments(tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        make_codes(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
