"""data.yaml: the forms that people write, and a sentence for each mistake."""

import os
import time
from pathlib import Path

import pytest

from compress.data.data_yaml import load_data_yaml
from deploy.errors import DataError, UsageError

PLAIN = "train: images/train\nval: images/val\nnames: [cat, dog]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, names in (("train", ("b.jpg", "a.PNG", "deep/c.jpeg")), ("val", ("d.jpg",)), ("test", ("e.jpg",))):
        for name in names:
            image = tmp_path / "images" / split / name
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_bytes(b"")
    (tmp_path / "images" / "train" / "notes.txt").write_text("no image")
    (tmp_path / "images" / "none").mkdir()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "data.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def relative(images: list[Path], folder: Path) -> list[str]:
    return [image.resolve().relative_to(folder.resolve()).as_posix() for image in images]


def test_folders(folder: Path) -> None:
    data = load_data_yaml(write(folder, PLAIN))
    assert data.names == ["cat", "dog"]
    expected = ["images/train/a.PNG", "images/train/b.jpg", "images/train/deep/c.jpeg"]
    assert relative(data.images("train"), folder) == expected
    assert relative(data.images("val"), folder) == ["images/val/d.jpg"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("path: .\n" + PLAIN, id="path relative to the file"),
        pytest.param("path: {folder}\n" + PLAIN, id="path absolute"),
        pytest.param("train: {folder}/images/train\nval: images/val\nnames: [cat, dog]\n", id="split absolute"),
        pytest.param(PLAIN.replace("[cat, dog]", "{{0: cat, 1: dog}}"), id="names as a mapping"),
        pytest.param(PLAIN.replace("[cat, dog]", "{{'0': cat, '1': dog}}"), id="numbers in quotes, as JSON has them"),
        pytest.param(PLAIN.replace("[cat, dog]", "{{1: dog, 0: cat}}"), id="names as a mapping in another order"),
        pytest.param(PLAIN + "nc: 2\n", id="nc given"),
        pytest.param(PLAIN.replace("images/", "../images/"), id="one step too far up, as Roboflow writes it"),
        pytest.param(PLAIN + "test:\ndownload: https://example.com/x.zip\n", id="unused keys"),
    ],
)
def test_forms_that_mean_the_same(folder: Path, text: str) -> None:
    data = load_data_yaml(write(folder, text.format(folder=folder.as_posix())))
    assert data.names == ["cat", "dog"]
    assert len(data.images("train")) == 3
    assert len(data.images("val")) == 1


def test_list_of_folders_and_list_files(folder: Path) -> None:
    absolute = folder / "images" / "test" / "e.jpg"
    (folder / "lists").mkdir()
    (folder / "lists" / "some.txt").write_bytes(
        f"./../images/val/d.jpg\r\n\r\n../images/train/b.jpg\n{absolute}\n".encode()
    )
    text = "train: [lists/some.txt, images/train]\nval: lists/some.txt\nnames: [cat]\n"
    data = load_data_yaml(write(folder, text))
    assert relative(data.images("val"), folder) == ["images/val/d.jpg", "images/train/b.jpg", "images/test/e.jpg"]
    # b.jpg is named by both sources and counts once.
    assert [image.name for image in data.images("train")] == ["d.jpg", "b.jpg", "e.jpg", "a.PNG", "c.jpeg"]


@pytest.mark.parametrize(
    "names",
    ["7, 08", "00, 010, 0x1F", "1:30, 12_000, +5", "yes, no, off", "2020-01-01, 2020-13-45", "-0, .inf, .nan, 0o7"],
)
def test_names_are_what_is_written(folder: Path, names: str) -> None:
    """Not 8 for 010, nor 90 for 1:30, nor True for yes."""
    assert load_data_yaml(write(folder, PLAIN.replace("cat, dog", names))).names == names.split(", ")


def test_a_list_that_names_one_image_a_million_times(folder: Path) -> None:
    (folder / "many.txt").write_text("images/val/d.jpg\n" * 1_000_000)
    data = load_data_yaml(write(folder, "train: many.txt\nval: images/val\nnames: [a]\n"))
    before = time.monotonic()
    assert [image.name for image in data.images("train")] == ["d.jpg"]
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("name", ["data.yaml", "list.txt"])
def test_pipes_are_not_waited_for(folder: Path, name: str) -> None:
    write(folder, "train: list.txt\nval: images/val\nnames: [a]\n")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(DataError, match=r"not a regular file|does not exist"):
        load_data_yaml(folder / "data.yaml").images("train")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "expected a mapping .* found nothing", id="empty file"),
        pytest.param("- a\n- b\n", "expected a mapping .* found list", id="a list"),
        pytest.param("train: [a\nval: b\n", "line 2: not valid YAML", id="bracket left open"),
        pytest.param("train: a\n\tval: b\n", "line 2: not valid YAML: found character", id="tab"),
        pytest.param("a: !!python/object/apply:os.system [echo]\n", "not valid YAML", id="code"),
        pytest.param("a: \x01\n", "not valid YAML", id="control character"),
        pytest.param("[\n" * 5000, "not valid YAML", id="nested without end"),
        pytest.param('a: "\\U00110000"\n', "line 1: not valid YAML: an escape or a version is out", id="no character"),
        pytest.param('a: "\\UFFFFFFFF"\n', "line 1: not valid YAML: an escape or a version is out", id="no C integer"),
        pytest.param(
            "a: 1\nb: !!bool maybe\n", "line 2: not valid YAML: 'maybe' is no bool", id="tag of another value"
        ),
        pytest.param("a: !!int " + "9" * 5000, "line 1: not valid YAML: '9{40}' is no int", id="thousands of digits"),
        pytest.param("a: !!int " + "9" * 30, "line 1: not valid YAML: the number 9{30} is too large", id="30 digits"),
        pytest.param("a: 1\nb: \x01\n", r"line 2: not valid YAML: the character '\\x01'", id="control character"),
        pytest.param("a: &a [*a]\n", "line 1: not valid YAML: an alias names the very thing", id="alias of itself"),
        pytest.param(
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
            "line 6: not valid YAML: with its aliases written out this holds more than 100000",
            id="aliases of aliases",
        ),
        pytest.param("train: a\ntrain: b\n", "line 2: not valid YAML: the key 'train' comes twice", id="key twice"),
        pytest.param("? [a]\n: b\n", "line 1: not valid YAML: a key is", id="a list as key"),
        pytest.param("a: !!binary aGk=\n", "line 1: not valid YAML: the tag", id="tag of another kind"),
        pytest.param("a: 1e999\n", "line 1: not valid YAML: the number 1e999 is too large", id="infinity"),
        pytest.param('a: "\\ud800"\n', "line 1: not valid YAML: the text holds half", id="half a surrogate pair"),
        pytest.param("a: x\n" * 300_000, "is longer than 1 MiB", id="too long"),
        pytest.param(PLAIN.replace("train:", "trian:"), "'train' is missing.*did you mean 'trian'", id="misspelt key"),
        pytest.param("train: a\nnames: [a]\n", "'val' is missing", id="no val"),
        pytest.param("train: a\nval: b\n", "'names' is missing", id="no names"),
        pytest.param("train:\nval: b\nnames: [a]\n", "'train' is missing", id="key without a value"),
        pytest.param(PLAIN + "nc: 3\n", "nc is 3, but names holds 2 classes: cat, dog", id="nc too large"),
        pytest.param(PLAIN + "nc: two\n", "nc is two, but names holds 2", id="nc is a word"),
        pytest.param(PLAIN + "path: 3\n", "'path' is 3", id="path is a number"),
        pytest.param(
            PLAIN.replace("[cat, dog]", "{0: a, 2: b}"), "keys of 'names' are 0, 2; expected 0 to 1", id="gap"
        ),
        pytest.param(PLAIN.replace("[cat, dog]", "{1: a, 2: b}"), "keys of 'names' are 1, 2", id="counted from 1"),
        pytest.param(PLAIN.replace("[cat, dog]", "{'00': a}"), "keys of 'names' are '00'", id="no plain number"),
        pytest.param(
            PLAIN.replace("[cat, dog]", "{'0': a, 0: b, 1: c}"),
            "'0', 0, 1; expected 0 to 2",
            id="number in quotes and without",
        ),
        pytest.param(PLAIN.replace("[cat, dog]", "[]"), "'names' is nothing", id="no classes"),
        pytest.param(PLAIN.replace("[cat, dog]", "cat"), "'names' is str 'cat'", id="names is a word"),
        pytest.param(PLAIN.replace("cat, dog", "true, b"), "name of class 0 is read as True", id="YAML's booleans"),
        pytest.param(
            PLAIN.replace("cat, dog", r'"a\0b", c'),
            "name of class 0 is .*, which is more than one line",
            id="control character in a name",
        ),
        pytest.param(PLAIN.replace("cat", "c" * 250), "makes a file name of 263 bytes", id="name too long for a file"),
        pytest.param(PLAIN.replace("cat, dog", "cat, 1.50"), "name of class 1 is read as 1.5", id="YAML's floats"),
        pytest.param(
            PLAIN.replace("cat, dog", "cat, ' '"), "the name of class 1 is blank; expected one line", id="blank name"
        ),
        pytest.param(
            PLAIN.replace("cat, dog", "cat, cat"),
            "the name of class 1 is 'cat', which class 0 has already",
            id="name twice",
        ),
        pytest.param("train: 3\nval: a\nnames: [a]\n", "'train' is 3; expected a folder", id="split is a number"),
        pytest.param("train: [a, 3]\nval: a\nnames: [a]\n", "'train' is .*expected a folder", id="number in a list"),
        pytest.param("train: []\nval: a\nnames: [a]\n", "'train' is .*expected a folder", id="empty list"),
    ],
)
def test_bad_file(folder: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        load_data_yaml(write(folder, text))
    assert "data.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(DataError, match=r"other\.yaml does not exist"):
        load_data_yaml(folder / "other.yaml")
    with pytest.raises(DataError, match="cannot be read"):
        load_data_yaml(folder)
    (folder / "latin.yaml").write_bytes(b"names: [caf\xe9]\n")
    with pytest.raises(DataError, match="not UTF-8 text: found byte 0xe9 in line 1, byte 12"):
        load_data_yaml(folder / "latin.yaml")


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        pytest.param("images/trian", "'train' names .*trian, which does not exist", id="folder missing"),
        pytest.param("images/none", "train split is empty", id="folder without images"),
        pytest.param("images/val/d.jpg", "expected a folder or a .txt list", id="an image"),
        pytest.param("blank.txt", "train split is empty", id="list without images"),
        pytest.param("bad.txt", r"bad\.txt: line 2: there is no image .*gone\.jpg", id="listed image missing"),
        pytest.param("nul.txt", r"nul\.txt: line 2: there is no image '.*d.x00\.jpg'", id="a NUL in a name"),
        pytest.param("latin.txt", r"latin\.txt is not UTF-8", id="list in another encoding"),
    ],
)
def test_bad_split(folder: Path, train: str, sentence: str) -> None:
    (folder / "blank.txt").write_text("\n\n")
    (folder / "bad.txt").write_text("images/val/d.jpg\ngone.jpg\n")
    (folder / "nul.txt").write_bytes(b"images/val/d.jpg\nd\0.jpg\n")
    (folder / "latin.txt").write_bytes(b"caf\xe9.jpg\n")
    data = load_data_yaml(write(folder, f"train: {train}\nval: images/val\nnames: [a]\n"))
    with pytest.raises(DataError, match=sentence):
        data.images("train")


def test_split_that_is_not_there(folder: Path) -> None:
    data = load_data_yaml(write(folder, PLAIN))
    with pytest.raises(DataError, match="no key 'test'"):
        data.images("test")
    with pytest.raises(UsageError, match=r"unknown split 'vla' .did you mean 'val'"):
        data.images("vla")
