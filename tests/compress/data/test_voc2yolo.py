"""From a VOC devkit to a YOLO data set."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from compress.data.data_yaml import load_data_yaml
from compress.data.labels import read_labels
from compress.data.voc2yolo import voc2yolo
from compute_mAP.class_names import read_names
from deploy.errors import DataError, UsageError

BOX = ("cat", 10, 20, 50, 40)


def xml(objects: list[tuple[str, float, float, float, float]], size: tuple[int, int] | None = (100, 80)) -> str:
    text = "<annotation>"
    if size:
        text += f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    for name, x0, y0, x1, y1 in objects:
        box = f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        text += f"<object><name>{name}</name><difficult>1</difficult><bndbox>{box}</bndbox></object>"
    return text + "</annotation>"


def add(kit: Path, split: str, name: str, annotation: str | None) -> None:
    year = kit / "VOC2007"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (year / folder).mkdir(parents=True, exist_ok=True)
    with (year / "ImageSets" / "Main" / f"{split}.txt").open("a") as file:
        file.write(name + "\n")
    Image.new("RGB", (100, 80)).save(year / "JPEGImages" / f"{name}.jpg")
    if annotation is not None:
        (year / "Annotations" / f"{name}.xml").write_text(annotation)


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """One image a split: a cat and a dog in train, a cat in val, nothing in test."""
    kit = tmp_path / "VOCdevkit"
    add(kit, "train", "a", xml([BOX, ("dog", 0, 0, 100, 80)]))
    add(kit, "val", "b", xml([BOX]))
    add(kit, "test", "c", xml([]))
    return kit


def labels(out: Path, split: str, name: str) -> list[list[float]]:
    return np.round(read_labels(out / "images" / split / f"{name}.jpg", 9), 5).tolist()


def test_whole_conversion(kit: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = voc2yolo(kit, out)
    assert report.names == ["cat", "dog"]
    assert report.images == {"train": 1, "val": 1, "test": 1}
    assert report.objects == {"cat": 2, "dog": 1}
    assert report.problems == report.notes == []
    # The centre of x 10..50 in 100 pixels is 0.3, without taking 1 off for VOC's counting from 1.
    np.testing.assert_allclose(labels(out, "train", "a"), [[0, 0.3, 0.375, 0.4, 0.25], [1, 0.5, 0.5, 1, 1]], atol=1e-6)
    assert (out / "images" / "val" / "b.jpg").samefile(kit / "VOC2007" / "JPEGImages" / "b.jpg")
    assert (out / "labels" / "test" / "c.txt").read_text() == ""
    data = load_data_yaml(out / "data.yaml")
    assert data.names == ["cat", "dog"]
    assert [len(data.images(split)) for split in ("train", "val", "test")] == [1, 1, 1]


def test_moved_folder_still_works(kit: Path, tmp_path: Path) -> None:
    voc2yolo(kit, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    assert len(load_data_yaml(tmp_path / "moved" / "data.yaml").images("train")) == 1


def test_given_names(kit: Path, tmp_path: Path) -> None:
    report = voc2yolo(kit, tmp_path / "out", names=["bird", "dog"])
    assert report.objects == {"bird": 0, "dog": 1}
    assert labels(tmp_path / "out", "train", "a") == [[1, 0.5, 0.5, 1, 1]]
    assert report.problems == [
        "train: 1 objects of class 'cat', which is not in the names, are left out",
        "val: 1 objects of class 'cat', which is not in the names, are left out",
    ]
    assert report.notes == ["there is no object of class 'bird'"]


def test_again_replaces_and_failure_keeps(kit: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    voc2yolo(kit, out)
    add(kit, "train", "d", xml([BOX]))
    assert voc2yolo(kit, out).images["train"] == 2
    assert len(list((out / "labels" / "train").iterdir())) == 2
    (kit / "VOC2007" / "ImageSets" / "Main" / "val.txt").unlink()
    with pytest.raises(DataError, match=r"val\.txt does not exist"):
        voc2yolo(kit, out)
    assert len(list((out / "labels" / "val").iterdir())) == 1
    with pytest.raises(UsageError, match="overlaps the input"):
        voc2yolo(kit, kit)
    assert (kit / "VOC2007").is_dir()


@pytest.mark.parametrize(
    ("annotation", "problem", "kept"),
    [
        pytest.param(xml([BOX], (90, 80)), r"d\.xml: says 90x80, but .*d\.jpg is 100x80", 1, id="wrong size"),
        pytest.param(xml([BOX], None), None, 1, id="no size"),
        pytest.param(xml([("cat", 90, 70, 110, 90)]), "reaches out of the image and is clipped", 1, id="over the edge"),
        pytest.param(xml([("cat", 100, 0, 140, 9), BOX]), "has no area in the image", 1, id="outside"),
        pytest.param(xml([("cat", 9, 9, 9, 20), BOX]), r"d\.xml: object 1 .cat.*no area", 1, id="no area"),
        pytest.param(xml([("cat", 50, 9, 40, 20), BOX]), r"d\.xml: object 1 .cat.*reversed", 1, id="reversed"),
        pytest.param(xml([("cat", "x", 9, 40, 20), BOX]), r"d\.xml: object 1 .cat.*xmin", 1, id="not a number"),  # type: ignore[list-item]
        pytest.param("<annotation>", r"d\.xml.*malformed.*the image is left out", None, id="malformed"),
        pytest.param('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', r"d\.xml.*left out", None, id="entities"),
        pytest.param(
            None,
            r"train\.txt lists 'd', but there is no annotation .*d\.xml; the image is left out",
            None,
            id="no annotation",
        ),
    ],
)
def test_bad_annotation(
    kit: Path, tmp_path: Path, annotation: str | None, problem: str | None, kept: int | None
) -> None:
    add(kit, "train", "d", annotation)
    report = voc2yolo(kit, tmp_path / "out")
    assert report.images["train"] == (1 if kept is None else 2)
    assert len(report.problems) == (problem is not None)
    if problem:
        assert re.search(problem, report.problems[0])
    if kept is not None:
        assert len(labels(tmp_path / "out", "train", "d")) == kept


def test_real_size_is_used(kit: Path, tmp_path: Path) -> None:
    add(kit, "train", "d", xml([BOX], (200, 160)))
    voc2yolo(kit, tmp_path / "out")
    np.testing.assert_allclose(labels(tmp_path / "out", "train", "d"), [[0, 0.3, 0.375, 0.4, 0.25]], atol=1e-6)


def test_clipped_box(kit: Path, tmp_path: Path) -> None:
    add(kit, "train", "d", xml([("cat", 90, -10, 110, 40)]))
    voc2yolo(kit, tmp_path / "out")
    np.testing.assert_allclose(labels(tmp_path / "out", "train", "d"), [[0, 0.95, 0.25, 0.1, 0.5]], atol=1e-6)


@pytest.mark.parametrize("content", [None, b"", b"no image"], ids=["missing", "empty", "no image"])
def test_bad_image(kit: Path, tmp_path: Path, content: bytes | None) -> None:
    add(kit, "train", "d", xml([BOX]))
    image = kit / "VOC2007" / "JPEGImages" / "d.jpg"
    image.unlink()
    if content is not None:
        image.write_bytes(content)
    report = voc2yolo(kit, tmp_path / "out")
    assert report.images["train"] == 1
    assert "d.jpg" in report.problems[0]
    image.with_name("a.jpg").unlink()
    with pytest.raises(DataError, match=r"train\.txt: no image can be used: .*d\.jpg"):
        voc2yolo(kit, tmp_path / "out2")


def test_image_in_two_splits(kit: Path, tmp_path: Path) -> None:
    add(kit, "test", "a", xml([BOX]))
    report = voc2yolo(kit, tmp_path / "out")
    assert len(report.problems) == 1
    assert report.problems[0].endswith("test.txt: 1 images are in train too: a")


def test_devkit_without_test(kit: Path, tmp_path: Path) -> None:
    (kit / "VOC2007" / "ImageSets" / "Main" / "test.txt").unlink()
    report = voc2yolo(kit, tmp_path / "out")
    assert "no test split" in report.notes[0]
    assert "test" not in load_data_yaml(tmp_path / "out" / "data.yaml").sources


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(lambda file: file.mkdir(), id="a folder"),
        pytest.param(lambda file: file.symlink_to("gone.txt"), id="a link to nothing"),
        pytest.param(os.mkfifo, id="a pipe"),
    ],
)
def test_a_test_split_that_cannot_be_read_is_not_left_out(
    kit: Path, tmp_path: Path, instead: Callable[[Path], None]
) -> None:
    file = kit / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    file.unlink()
    instead(file)
    with pytest.raises(DataError, match=r"test\.txt"):
        voc2yolo(kit, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "fault", "sentence"),
    [
        ({"splits": ("train",)}, UsageError, "splits train: expected train and val"),
        ({"splits": ("train", "val", "dev")}, UsageError, "splits train, val, dev"),
        ({"splits": ("train", "val", "val")}, UsageError, "splits train, val, val"),
        ({"names": []}, UsageError, "class names"),
        ({"names": ["cat", "cat"]}, UsageError, "class names cat, cat"),
        ({"names": ["Cat"]}, DataError, "no object of Cat in the chosen splits; it has cat, dog"),
        ({"year": "VOC2012"}, DataError, "no year 'VOC2012'"),
    ],
)
def test_bad_arguments(kit: Path, tmp_path: Path, options: dict, fault: type[Exception], sentence: str) -> None:
    with pytest.raises(fault, match=sentence):
        voc2yolo(kit, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_real_devkit(shared: Path, tmp_path: Path) -> None:
    report = voc2yolo(shared / "data" / "bccd" / "VOCdevkit", tmp_path / "out", names=["RBC", "WBC", "Platelets"])
    assert report.images == {"train": 205, "val": 87, "test": 72}
    assert report.objects == {"RBC": 4153, "WBC": 372, "Platelets": 361}
    assert len(report.problems) == 2  # two boxes without an area
    images = load_data_yaml(tmp_path / "out" / "data.yaml").images("test")
    assert all(len(read_labels(image, 3)) for image in images)


def test_list_files_name_the_images(kit: Path, tmp_path: Path) -> None:
    voc2yolo(kit, tmp_path / "out")
    assert (tmp_path / "out/yolov5_train.txt").read_text() == "images/train/a.jpg\n"
    assert (tmp_path / "out/yolov5_val.txt").read_text() == "images/val/b.jpg\n"
    yaml_text = (tmp_path / "out/data.yaml").read_text().replace("images/train", "yolov5_train.txt")
    (tmp_path / "out/lists.yaml").write_text(yaml_text)
    assert [p.name for p in load_data_yaml(tmp_path / "out/lists.yaml").images("train")] == ["a.jpg"]


@pytest.fixture
def plain_kit(tmp_path: Path) -> Path:
    """Ten images with a cat each and no image sets at all, as many VOC-like sets come."""
    kit = tmp_path / "plain"
    for i in range(10):
        add(kit, "train", f"p{i}", xml([BOX]))
    for file in (kit / "VOC2007/ImageSets/Main").iterdir():
        file.unlink()
    (kit / "VOC2007/ImageSets/Main").rmdir()
    (kit / "VOC2007/ImageSets").rmdir()
    return kit


@pytest.mark.parametrize(
    ("ratio", "train"),
    [
        pytest.param(0.8, 8, id="eighty in a hundred"),
        pytest.param(0.5, 5, id="half"),
        pytest.param(0.01, 1, id="at least one for training"),
        pytest.param(0.99, 9, id="at least one for validation"),
    ],
)
def test_drawn_splits(plain_kit: Path, tmp_path: Path, ratio: float, train: int) -> None:
    report = voc2yolo(plain_kit, tmp_path / "out", splits=("train", "val"), ratio=ratio)
    assert report.images == {"train": train, "val": 10 - train}
    parts = [{p.name for p in (tmp_path / "out/images" / split).iterdir()} for split in ("train", "val")]
    assert parts[0] | parts[1] == {f"p{i}.jpg" for i in range(10)} and not parts[0] & parts[1]


def test_the_seed_decides_the_draw(plain_kit: Path, tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        voc2yolo(plain_kit, tmp_path / name, splits=("train", "val"), ratio=0.5, seed=seed)
        drawn.append((tmp_path / name / "yolov5_train.txt").read_text())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("ratio", [0, 1, -0.1, 80, float("nan")])
def test_ratio_out_of_range(plain_kit: Path, tmp_path: Path, ratio: float) -> None:
    with pytest.raises(UsageError, match=r"the train ratio is .*, expected a number between 0 and 1"):
        voc2yolo(plain_kit, tmp_path / "out", splits=("train", "val"), ratio=ratio)
    assert not (tmp_path / "out").exists()


def test_difficult_objects_can_be_skipped(kit: Path, tmp_path: Path) -> None:
    easy = xml([("dog", 0, 0, 100, 80)]).replace("<difficult>1", "<difficult>0")
    (kit / "VOC2007/Annotations/a.xml").write_text(easy.replace("</annotation>", xml([BOX])[len("<annotation>") :]))
    report = voc2yolo(kit, tmp_path / "out", names=["cat", "dog"], skip_difficult=True)
    assert report.objects == {"cat": 0, "dog": 1}


def _turned_kit(kit: Path, orientation: int, size: tuple[int, int] | None, box: tuple[float, ...]) -> None:
    """A third image in train, stored as 100 x 80 and turned by EXIF."""
    add(kit, "train", "d", xml([("cat", *box)], size))  # type: ignore[arg-type]
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[20:40, 10:50] = 255
    Image.fromarray(pixels).save(kit / "VOC2007/JPEGImages/d.jpg", exif=exif, quality=100, subsampling=0)


def _where_the_white_is(image: Path) -> list[float]:
    pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    rows, columns = np.nonzero(pixels > 128)
    height, width = pixels.shape
    x0, x1, y0, y1 = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    return [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]


def _check_label(out: Path) -> None:
    ((kind, *box),) = labels(out, "train", "d")
    assert kind == 0 and box == pytest.approx(_where_the_white_is(out / "images/train/d.jpg"), abs=1e-4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("told", [None, "stored"])
def test_boxes_on_the_stored_pixels_are_turned_or_the_image_is_left_out(
    kit: Path, tmp_path: Path, orientation: int, told: str | None
) -> None:
    _turned_kit(kit, orientation, (100, 80), BOX[1:])
    report = voc2yolo(kit, tmp_path / "out", exif_boxes=told)
    if told or orientation == 1 or orientation > 4:
        _check_label(tmp_path / "out")
        assert any("boxes are turned with the image" in problem for problem in report.problems) == (orientation > 1)
    else:
        assert report.images["train"] == 1
        assert f"EXIF orientation {orientation} turns" in report.problems[0]
        assert "--exif-boxes turned or stored does; the image is left out" in report.problems[0]


@pytest.mark.parametrize(
    ("orientation", "size", "told", "kept"),
    [
        pytest.param(6, (80, 100), None, True, id="size as shown"),
        pytest.param(6, (80, 100), "stored", True, id="the size says more than the option"),
        pytest.param(6, None, None, False, id="no size"),
        pytest.param(6, (50, 40), None, False, id="another size"),
        pytest.param(6, None, "turned", True, id="no size, but told"),
        pytest.param(3, (100, 80), "turned", True, id="upside down, told"),
    ],
)
def test_boxes_on_the_turned_image(
    kit: Path, tmp_path: Path, orientation: int, size: tuple[int, int] | None, told: str | None, kept: bool
) -> None:
    shown = {6: (40, 10, 60, 50), 3: (50, 40, 90, 60)}[orientation]
    _turned_kit(kit, orientation, size, shown)
    report = voc2yolo(kit, tmp_path / "out", exif_boxes=told)
    assert report.images["train"] == 1 + kept
    if kept:
        _check_label(tmp_path / "out")


def test_a_photo_annotated_on_its_stored_pixels(shared: Path, tmp_path: Path) -> None:
    report = voc2yolo(shared / "cases/case04/kit", tmp_path / "out")
    ((kind, *box),) = labels(tmp_path / "out", "train", "p1")
    assert kind == 0 and box == pytest.approx([0.6875, 0.260417, 0.3125, 0.3125], abs=1e-5)
    assert any("turned with the image" in problem for problem in report.problems)


@pytest.mark.parametrize("kind", ["JPG", "jpeg", "mix", "png"])
def test_images_with_any_suffix(shared: Path, tmp_path: Path, kind: str) -> None:
    report = voc2yolo(shared / "cases/case02" / kind, tmp_path / "out")
    assert report.problems == [] and sum(report.images.values()) == (3 if kind == "mix" else 2)
    data = load_data_yaml(tmp_path / "out/data.yaml")
    assert all(image.stat().st_size for split in ("train", "val") for image in data.images(split))


@pytest.mark.parametrize("suffix", [".PNG", ".Jpg", ".bmp", ".webp", ".tiff"])
def test_formats_and_suffixes(kit: Path, tmp_path: Path, suffix: str) -> None:
    old = kit / "VOC2007/JPEGImages/a.jpg"
    Image.new("RGB", (100, 80)).save(old.with_suffix(suffix))
    old.unlink()
    assert voc2yolo(kit, tmp_path / "out").problems == []
    assert load_data_yaml(tmp_path / "out/data.yaml").images("train")[0].name == f"a{suffix}"


def test_two_images_of_one_name_are_told(kit: Path, tmp_path: Path) -> None:
    Image.new("RGB", (50, 40)).save(kit / "VOC2007/JPEGImages/a.png")
    report = voc2yolo(kit, tmp_path / "out")
    assert "a.jpg and a.png have one annotation; only the first is taken" in report.problems[0]


def test_three_boxes_in_one_object_become_three_labels(shared: Path, tmp_path: Path) -> None:
    report = voc2yolo(shared / "cases/case01/kit", tmp_path / "out")
    assert len(labels(tmp_path / "out", "train", "p1")) == 3
    assert any("p1.xml: object 1 (car): 3 <bndbox>" in problem for problem in report.problems)


def test_class_names_with_a_slash(shared: Path, tmp_path: Path) -> None:
    names = read_names(shared / "cases/case18/names.txt")
    report = voc2yolo(shared / "cases/case18/kit", tmp_path / "out", names=names)
    assert any("/" in name for name in names)
    assert load_data_yaml(tmp_path / "out/data.yaml").names == names == report.names


@pytest.mark.parametrize("place", ["VOC2007/yolo", ".", ".."])
def test_the_result_lies_apart_from_the_devkit(kit: Path, place: str) -> None:
    before = sorted(kit.rglob("*"))
    with pytest.raises(UsageError):
        voc2yolo(kit, kit / place)
    assert sorted(kit.rglob("*")) == before
