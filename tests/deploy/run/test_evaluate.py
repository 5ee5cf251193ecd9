"""The eval command on the host engine: known boxes in, known mAP out; faulty devkits get a sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_mAP.reval_voc import main as reval_voc
from deploy.cli import main

NAMES = ("red", "green", "blue")


class Devkit:
    """VOCdevkit/VOC2007 with images of blobs and their annotations; eval runs beside it."""

    def __init__(self, folder: Path, bundle: Path, blob_jpeg: Callable[..., bytes]) -> None:
        self.folder = folder
        self.bundle = bundle
        self.blob_jpeg = blob_jpeg
        self.year = folder / "VOCdevkit/VOC2007"
        for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
            (self.year / name).mkdir(parents=True)

    def add(self, name: str, blobs: list[tuple[int, int, int]], content: bytes | None = None) -> None:
        """An image whose annotation says exactly what the model finds."""
        image = self.blob_jpeg(blobs) if content is None else content
        (self.year / "JPEGImages" / f"{name}.jpg").write_bytes(image)
        boxes = [(NAMES[c], 16 * x, 16 * y, 16 * x + 16, 16 * y + 16) for x, y, c in blobs]
        self.annotate(name, "".join(_object(*box) for box in boxes))
        with (self.year / "ImageSets/Main/test.txt").open("a") as file:
            file.write(name + "\n")

    def annotate(self, name: str, objects: str, head: str = "") -> None:
        (self.year / f"Annotations/{name}.xml").write_text(f"{head}<annotation>{objects}</annotation>")

    def evaluate(self, *arguments: object) -> int:
        return main(["eval", "VOCdevkit", "--model", str(self.bundle), *map(str, arguments)])


def _object(name: str, xmin: int, ymin: int, xmax: int, ymax: int) -> str:
    box = f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"
    return f"<object><name>{name}</name><difficult>0</difficult><bndbox>{box}</bndbox></object>"


@pytest.fixture
def devkit(
    tmp_path: Path,
    tiny_bundle: Callable[..., Path],
    blob_jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Devkit:
    monkeypatch.chdir(tmp_path)
    return Devkit(tmp_path, tiny_bundle(), blob_jpeg)


def test_what_is_annotated_is_found(devkit: Devkit, capsys: pytest.CaptureFixture[str]) -> None:
    devkit.add("a", [(1, 2, 0), (5, 5, 1)])
    devkit.add("b", [(3, 3, 0)])
    assert devkit.evaluate("--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report.pop("map50_95") == pytest.approx(1)
    assert report == {
        "schema_version": 1,
        "protocol": "area",
        "map50": pytest.approx(1),
        "map75": pytest.approx(1),
        "images": 2,
        "failed_images": 0,
        "ap50": {"red": pytest.approx(1), "green": pytest.approx(1), "blue": None},
    }
    lines = (devkit.folder / "txt_result/det_test_red.txt").read_text().splitlines()
    names, numbers = zip(*((line.split()[0], [float(field) for field in line.split()[1:]]) for line in lines))
    assert set(names) == {"a", "b"}
    best = max(row for name, row in zip(names, numbers) if name == "a")
    assert best[1:] == pytest.approx([16, 32, 32, 48], abs=0.01)
    assert {file.name for file in (devkit.folder / "txt_result").iterdir()} == {
        ".made_by",
        *(f"det_test_{name}.txt" for name in NAMES),
    }


def test_the_scorer_alone_says_the_same(devkit: Devkit, capsys: pytest.CaptureFixture[str]) -> None:
    devkit.add("a", [(1, 2, 0), (5, 5, 1)])
    devkit.add("b", [(1, 1, 0)], content=b"broken")
    assert devkit.evaluate("--json", "--protocol", "voc07") == 0
    ours = json.loads(capsys.readouterr().out)
    assert (ours["protocol"], ours["failed_images"]) == ("voc07", 1)
    assert ours["ap50"]["red"] < 1  # the image that failed keeps its ground truth
    names = str(devkit.bundle / "labels.names")
    arguments = ["txt_result", "--voc_dir", "VOCdevkit", "--classes", names, "--protocol", "voc07", "--json"]
    assert reval_voc(arguments) == 0
    assert json.loads(capsys.readouterr().out) == ours


def test_the_protocol_stands_beside_the_number(devkit: Devkit, capsys: pytest.CaptureFixture[str]) -> None:
    devkit.add("a", [(1, 2, 0)])
    assert devkit.evaluate() == 0
    assert "mAP@0.5 (area) = 1.0000" in capsys.readouterr().out


def test_the_only_year_and_image_set_are_taken(devkit: Devkit, capsys: pytest.CaptureFixture[str]) -> None:
    devkit.add("a", [(1, 2, 0)])
    devkit.year.rename(devkit.year.with_name("VOC2012"))
    sets = devkit.folder / "VOCdevkit/VOC2012/ImageSets/Main"
    (sets / "test.txt").rename(sets / "val.txt")
    assert devkit.evaluate() == 0
    err = capsys.readouterr().err
    assert "VOC2012, which is taken" in err and "val, which is taken" in err


@pytest.mark.parametrize(
    ("objects", "head", "code", "sentence"),
    [
        pytest.param("<object>", "", 3, "malformed XML", id="not closed"),
        pytest.param("", '<!DOCTYPE a [<!ENTITY e "x">]>', 3, "DOCTYPE", id="entities"),
        pytest.param(_object("zebra", 1, 1, 9, 9), "", 0, "class 'zebra'", id="unknown class"),
        pytest.param(_object("red", 9, 1, 1, 9), "", 0, "reversed", id="reversed box"),
        pytest.param(_object("red", 5, 1, 5, 9), "", 0, "no area", id="box without area"),
    ],
)
def test_faulty_annotations(
    devkit: Devkit, capsys: pytest.CaptureFixture[str], objects: str, head: str, code: int, sentence: str
) -> None:
    devkit.add("a", [(1, 2, 0)])
    devkit.add("b", [])
    devkit.annotate("b", objects, head)
    assert devkit.evaluate("--json") == code
    printed = capsys.readouterr()
    assert printed.err.count(sentence) == 1
    # A devkit that cannot be scored is noticed before the long work, not after it.
    assert (devkit.folder / "txt_result").exists() == (code == 0)


@pytest.mark.parametrize(
    ("remove", "sentence"),
    [
        pytest.param("Annotations", "has no folder Annotations", id="no Annotations"),
        pytest.param("JPEGImages", "has no folder JPEGImages", id="no JPEGImages"),
        pytest.param("Annotations/a.xml", "no annotation", id="one annotation missing"),
        pytest.param("ImageSets/Main/test.txt", "no image set", id="no image set"),
    ],
)
def test_an_incomplete_devkit(devkit: Devkit, capsys: pytest.CaptureFixture[str], remove: str, sentence: str) -> None:
    devkit.add("a", [(1, 2, 0)])
    path = devkit.year / remove
    path.rename(devkit.folder / "gone")
    assert devkit.evaluate() == 3
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("error: ") and sentence in err[-1]


def test_all_images_failed(devkit: Devkit, capsys: pytest.CaptureFixture[str]) -> None:
    devkit.add("a", [(1, 2, 0)], content=b"broken")
    (devkit.folder / "txt_result").mkdir()
    (devkit.folder / "txt_result/.made_by").write_text("eval")
    (devkit.folder / "txt_result/old").write_text("old")
    assert devkit.evaluate() == 3
    assert (devkit.folder / "txt_result/old").read_text() == "old"


def test_class_names_with_a_slash_have_a_file_too(devkit: Devkit, capsys: pytest.CaptureFixture[str]) -> None:
    devkit.add("a", [(1, 2, 0)])
    (devkit.bundle / "labels.names").write_text("red/orange\ngreen\nblue\n")
    annotation = devkit.folder / "VOCdevkit/VOC2007/Annotations/a.xml"
    annotation.write_text(annotation.read_text().replace("<name>red<", "<name>red/orange<"))
    assert devkit.evaluate("--json") == 0
    assert json.loads(capsys.readouterr().out)["ap50"]["red/orange"] == 1
    arguments = [str(devkit.folder / "txt_result"), "--voc_dir", str(devkit.folder / "VOCdevkit"), "--json"]
    assert reval_voc(arguments) == 0
    assert json.loads(capsys.readouterr().out)["ap50"]["red/orange"] == 1


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        pytest.param(f"red\n{'x' * 250}\nblue\n", "makes a file name of 263 bytes", id="too long"),
        pytest.param("red\n\nblue\n", "the name of class 1 is blank", id="a blank name"),
        pytest.param(
            "red\nblue\nblue\n", "the name of class 2 is 'blue', which class 1 has already", id="a name twice"
        ),
    ],
)
def test_class_names_that_no_result_file_can_have(
    devkit: Devkit, capsys: pytest.CaptureFixture[str], names: str, sentence: str
) -> None:
    devkit.add("a", [(1, 2, 0)])
    (devkit.bundle / "labels.names").write_text(names)
    assert devkit.evaluate() == 4
    assert sentence in capsys.readouterr().err
    assert not (devkit.folder / "txt_result").exists()
