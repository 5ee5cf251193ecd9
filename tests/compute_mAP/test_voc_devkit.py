from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.voc_devkit import find_devkit, read_image_set

MakeDevkit = Callable[..., Path]


def test_defaults(make_devkit: MakeDevkit) -> None:
    make_devkit({"a": []}, image_set="train")
    make_devkit({"a": []}, year="VOC2012")
    root = make_devkit({"a": []})
    devkit = find_devkit(root)
    assert (devkit.year, devkit.image_set, devkit.notes) == ("VOC2007", "test", [])
    assert devkit.image_set_file == root / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    assert devkit.annotations == root / "VOC2007" / "Annotations"
    assert devkit.images == root / "VOC2007" / "JPEGImages"


@pytest.mark.parametrize("year", ["VOC2012", "2012"])
def test_named_year_and_set(make_devkit: MakeDevkit, year: str) -> None:
    make_devkit({"a": []})
    make_devkit({"a": []}, year="VOC2012", image_set="test")
    root = make_devkit({"a": []}, year="VOC2012", image_set="val")
    devkit = find_devkit(root, year, "val")
    assert (devkit.year, devkit.image_set, devkit.notes) == ("VOC2012", "val", [])


def test_only_year_and_only_set_are_taken_with_a_note(make_devkit: MakeDevkit) -> None:
    root = make_devkit({"a": []}, year="VOC2012", image_set="val")
    (root / "results").mkdir()
    devkit = find_devkit(root)
    assert (devkit.year, devkit.image_set) == ("VOC2012", "val")
    assert len(devkit.notes) == 2
    assert "no year VOC2007 and only one other, VOC2012" in devkit.notes[0]
    assert "no image set test and only one other, val" in devkit.notes[1]


@pytest.mark.parametrize("year", [None, "2007", "VOC2007"])
def test_folder_of_a_year(make_devkit: MakeDevkit, year: str | None) -> None:
    root = make_devkit({"a": []})
    devkit = find_devkit(root / "VOC2007", year)
    assert devkit.year == "VOC2007" and devkit.annotations.is_dir()
    assert len(devkit.notes) == 1 and "that of one year, VOC2007" in devkit.notes[0]


def test_folder_of_a_year_as_current_folder(make_devkit: MakeDevkit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_devkit({"a": []}) / "VOC2007")
    assert find_devkit(".").year == "VOC2007"


@pytest.mark.parametrize(
    ("year", "image_set", "sentence"),
    [
        ("VOC2017", None, r"has no year 'VOC2017' \(did you mean 'VOC20..'\?\); it has VOC2007, VOC2012"),
        ("2013", None, r"has no year 'VOC2013' \(did you mean"),
        ("../VOCdevkit/VOC2007", None, "has no year '../VOCdevkit/VOC2007'"),
        ("", None, "has no year ''"),
        (None, "tset", r"Main has no image set 'tset' \(did you mean 'test'\?\); it has test, train"),
        (None, "../Main/test", "has no image set '../Main/test'"),
    ],
    ids=["misspelt year", "short year", "year leads elsewhere", "empty year", "misspelt set", "set leads elsewhere"],
)
def test_unknown_year_or_set(make_devkit: MakeDevkit, year: str, image_set: str, sentence: str) -> None:
    make_devkit({"a": []}, image_set="train")
    make_devkit({"a": []}, year="VOC2012")
    with pytest.raises(DataError, match=sentence):
        find_devkit(make_devkit({"a": []}), year, image_set)


def test_several_years_or_sets_without_the_default(make_devkit: MakeDevkit) -> None:
    make_devkit({"a": []}, year="VOC2011", image_set="train")
    root = make_devkit({"a": []}, year="VOC2012", image_set="train")
    with pytest.raises(DataError, match=r"has no year 'VOC2007'.*; it has VOC2011, VOC2012"):
        find_devkit(root)
    make_devkit({"a": []}, year="VOC2012", image_set="val")
    with pytest.raises(DataError, match=r"has no image set 'test'.*; it has train, val"):
        find_devkit(root, "2012")


@pytest.mark.parametrize("folder", ["Annotations", "ImageSets", "JPEGImages", "ImageSets/Main"])
def test_missing_folder(make_devkit: MakeDevkit, folder: str) -> None:
    root = make_devkit({"a": []})
    place = root / "VOC2007" / folder
    place.rename(place.with_name(place.name[:-1]))
    with pytest.raises(DataError, match=rf"has no folder {place.name} \(did you mean '{place.name[:-1]}'\?\); it has "):
        find_devkit(root)


def test_no_devkit(make_devkit: MakeDevkit, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone does not exist"):
        find_devkit(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file is not a folder"):
        find_devkit(tmp_path / "file")
    root = make_devkit({"a": []})
    with pytest.raises(DataError, match="is the folder of VOC2007, not of VOC2012"):
        find_devkit(root / "VOC2007", "2012")
    (root / "VOC2007" / "ImageSets" / "Main" / "test.txt").unlink()
    with pytest.raises(DataError, match="has no image set 'test'; it has none"):
        find_devkit(root)
    shutil.rmtree(root / "VOC2007")
    with pytest.raises(DataError, match="has no year 'VOC2007'; it has none"):
        find_devkit(root)


def _image_set(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "test.txt"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize(
    ("content", "names", "notes"),
    [
        ("b\na\n", ["b", "a"], []),
        ("a\nb", ["a", "b"], []),
        ("\ufeffa\n", ["a"], []),
        (" a \n\tb\t\n", ["a", "b"], []),
        ("a b\n二维码 1\n..a\n", ["a b", "二维码 1", "..a"], []),
        ("a\r\nb\r\n", ["a", "b"], ["Windows line ends, which do no harm: line 1, 2"]),
        ("a\n\nb\n  \n", ["a", "b"], ["blank lines, which are skipped: line 2, 4"]),
        ("a\nb\na\na\n", ["a", "b"], ["names that came before, which are used once: line 3 (a), 4 (a)"]),
        (
            "a\r\n\r\na\r\n",
            ["a"],
            [
                "Windows line ends, which do no harm: line 1, 2, 3",
                "blank lines, which are skipped: line 2",
                "names that came before, which are used once: line 3 (a)",
            ],
        ),
        ("a\r\n" * 20, ["a"], ["line 1, 2, 3, 4, 5, 6, 7, 8 and 12 more", "(a) and 11 more"]),
    ],
    ids=[
        "file order",
        "no end",
        "byte order mark",
        "surrounding blanks",
        "inner blanks, other script, dots",
        "Windows",
        "blank lines",
        "repeated",
        "all three, a note each",
        "many lines are not all listed",
    ],
)
def test_image_set(tmp_path: Path, content: str, names: list[str], notes: list[str]) -> None:
    image_set = read_image_set(_image_set(tmp_path, content))
    assert image_set.names == names
    assert len(image_set.notes) == len(notes)
    for found, expected in zip(image_set.notes, notes):
        assert found.startswith(str(tmp_path / "test.txt")) and found.endswith(expected)


@pytest.mark.parametrize(
    "name",
    ["..", ".", "../a", "/etc/passwd", "a/b", "a\\b", "C:a", "a\0b", "a\rb"],
    ids=["above", "here", "leads up", "absolute", "folder", "Windows folder", "Windows drive", "NUL", "lone return"],
)
def test_image_set_with_a_name_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        read_image_set(_image_set(tmp_path, f"good\n{name}\n"))
    assert f"test.txt: line 2: the image name {name!r} is not" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b" \r\n\n", "is empty"), (b"a\n\xc4\xe3\n", "is not UTF-8 text")],
    ids=["empty", "blank", "GBK"],
)
def test_image_set_unusable(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=rf"image set .*test\.txt {sentence}"):
        read_image_set(_image_set(tmp_path, content))


def test_image_set_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"image set .*gone\.txt does not exist"):
        read_image_set(tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        pytest.param("p1 -1", "line 2: found a second column '-1' behind 'p1'", id="VOC's list of one class"),
        pytest.param("p1  1", "line 2: found a second column '1' behind 'p1'", id="the same, an image that shows it"),
        pytest.param("gone -1", "line 2: found a second column '-1' behind 'gone'", id="the same, image missing"),
        pytest.param("p1\tcat 3 4", "line 2: found a second column 'cat' behind 'p1'", id="more columns"),
        pytest.param("p1.jpg 1,2,3,4,0", "line 2: found a second column '1,2,3,4,0'", id="list with boxes"),
        pytest.param("p1,1", "line 2: found a second column '1' behind 'p1'", id="comma between"),
        pytest.param("p1;cat", "line 2: found a second column 'cat' behind 'p1'", id="semicolon between"),
        pytest.param("gone 1", "line 2: found a second column '1' behind 'gone'", id="1 of a class, image missing"),
        pytest.param("p1.xml", "line 2: the image name 'p1.xml' has a suffix", id="list of annotations"),
        pytest.param("p1.jpg", "line 2: the image name 'p1.jpg' has a suffix", id="name with suffix"),
        pytest.param("p9.PNG", "line 2: the image name 'p9.PNG' has a suffix", id="in capitals, image missing"),
    ],
)
def test_lists_of_another_kind(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "p1.jpg").touch()
    with pytest.raises(DataError, match=r"test\.txt: line 2") as caught:
        read_image_set(_image_set(tmp_path, f"p1\n{line}\n"), (tmp_path,))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["p1 -1", "photo 1", "p1.jpg", "v1.0 (2)"])
def test_a_name_whose_file_is_there_is_no_list_of_another_kind(tmp_path: Path, name: str) -> None:
    for file in ("p1.jpg", f"{name}.JPEG"):
        (tmp_path / file).touch()
    assert read_image_set(_image_set(tmp_path, name), (tmp_path,)).names == [name]


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        pytest.param("case05", "line 1: found a second column '1' behind 'p3'", id="second column"),
        pytest.param("case06", "line 1: the image name 'p3.jpg' has a suffix", id="suffix"),
    ],
)
def test_lists_that_people_had(shared: Path, case: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        find_devkit(shared / "cases" / case / "kit").read_image_set()
