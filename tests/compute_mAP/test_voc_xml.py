from __future__ import annotations

from pathlib import Path

import pytest

from compute_mAP.errors import DataError
from compute_mAP.voc_xml import Object, read_annotation


def _write(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "a.xml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def _object(box: str, name: str = "<name>cat</name>", more: str = "") -> str:
    return f"<object>{name}{more}{box}</object>"


def _box(x0: object, y0: object, x1: object, y1: object) -> str:
    return f"<bndbox><xmax>{x1}</xmax><xmin>{x0}</xmin><ymax>{y1}</ymax><ymin>{y0}</ymin></bndbox>"


def test_annotation(tmp_path: Path) -> None:
    part = f"<part><name>head</name>{_box(0, 0, 1, 1)}</part>"
    text = (
        "<?xml version='1.0' encoding='UTF-8'?>\n<annotation><size><width> 500 </width><height>375</height></size>"
        + _object(_box(" 1.5 ", "2e1", 30, "4e1"), more="<difficult>1</difficult>")
        + _object(_box(3, 4, 5, 6), name="<name>\n二维码 </name>", more=part)
        + "</annotation>"
    )
    annotation = read_annotation(_write(tmp_path, text))
    assert (annotation.width, annotation.height, annotation.faults) == (500, 375, [])
    assert annotation.objects == [Object("cat", 1.5, 20, 30, 40, True), Object("二维码", 3, 4, 5, 6, False)]


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        ("", (0, 0)),
        ("<size><width>5</width></size>", (5, 0)),
        ("<size><width>wide</width><height>-3</height></size>", (0, 0)),
        ("<size><width>inf</width><height>7.0</height></size>", (0, 7)),
    ],
    ids=["not said", "half said", "not a size", "not finite; written as a decimal"],
)
def test_size(tmp_path: Path, size: str, pixels: tuple[int, int]) -> None:
    assert read_annotation(_write(tmp_path, f"<annotation>{size}</annotation>"))[:2] == pixels


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (_object(_box(5, 5, 5, 9)), "(cat): the box 5 5 5 9 has no area"),
        (_object(_box(5, 5, 9, 5)), "(cat): the box 5 5 9 5 has no area"),
        (_object(_box(9, 5, 5, 9)), "(cat): the box 9 5 5 9 has its corners reversed"),
        (_object(_box(5, 9, 9, 5)), "(cat): the box 5 9 9 5 has its corners reversed"),
        (_object("<bndbox><xmin>1</xmin><ymin>1</ymin><ymax>5</ymax></bndbox>"), "xmax is missing"),
        (_object(_box(1, "", 5, 9)), "ymin is missing"),
        (_object(_box("left", 5, 5, 9)), "xmin is 'left', expected a number"),
        (_object(_box(1, "nan", 5, 9)), "ymin is 'nan', expected a number"),
        (_object(_box(1, 1, "inf", 9)), "xmax is 'inf', expected a number"),
        (_object(_box(1, 1, "1e999", 9)), "xmax is '1e999', expected a number"),
        (_object(""), "object 2 (cat): it has no bndbox"),
        (_object(_box(1, 1, 5, 9), name=""), "object 2: it has no name"),
        (_object(_box(1, 1, 5, 9), name="<name> </name>"), "object 2: it has no name"),
    ],
    ids=lambda value: None if value.startswith("<") else value,
)
def test_unusable_object_is_left_out_and_named(tmp_path: Path, entry: str, sentence: str) -> None:
    good = _object(_box(1, 2, 3, 4))
    annotation = read_annotation(_write(tmp_path, f"<annotation>{good}{entry}{good}</annotation>"))
    assert annotation.objects == [Object("cat", 1, 2, 3, 4, False)] * 2
    assert len(annotation.faults) == 1
    assert "a.xml: object 2" in annotation.faults[0]
    assert annotation.faults[0].endswith(f"{sentence}; it is left out")


def test_odd_difficult_is_named_and_the_object_stays(tmp_path: Path) -> None:
    entry = _object(_box(1, 2, 3, 4), more="<difficult>Unspecified</difficult>")
    annotation = read_annotation(_write(tmp_path, f"<annotation>{entry}</annotation>"))
    assert annotation.objects == [Object("cat", 1, 2, 3, 4, False)]
    assert "object 1 (cat): difficult is 'Unspecified', expected 0 or 1" in annotation.faults[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "line 1: malformed XML: no element found"),
        ("<annotation>\n<object>\n</annotation>", "line 3: malformed XML: mismatched tag"),
        ("<annotation>\n", "line 2: malformed XML: no element found"),
        ("<annotation/>\n<annotation/>", "line 2: malformed XML: junk after document element"),
        ("<annotation>&who;</annotation>", "line 1: malformed XML: undefined entity"),
        (b"\xff\xd8\xff\xe0 an image", "line 1: malformed XML"),
        (
            "<annotation>\n\x01</annotation>",
            "line 2: malformed XML: .* .found byte 0x01 in line 2, byte 1 of that line",
        ),
        ("<html/>", "the root element is <html>; expected <annotation>"),
        ("<!DOCTYPE annotation>\n<annotation/>", "line 1: holds a DOCTYPE"),
        ('\n<!DOCTYPE a [<!ENTITY b "c">]>\n<annotation>&b;</annotation>', "line 2: holds a DOCTYPE"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation>&b;</annotation>', "holds a DOCTYPE"),
        ('<!DOCTYPE a SYSTEM "http://localhost/x.dtd"><annotation/>', "holds a DOCTYPE"),
        ('<?xml version="1.0" encoding="gbk"?><annotation/>', "its encoding cannot be read"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "its encoding cannot be read"),
    ],
    ids=[
        "empty",
        "tags cross",
        "truncated",
        "two roots",
        "entity nobody declared",
        "a JPEG",
        "a control character",
        "not an annotation",
        "DOCTYPE",
        "entity",
        "entity that reads a file",
        "DTD elsewhere",
        "encoding unknown to expat",
        "encoding unknown to anybody",
    ],
)
def test_refused(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        read_annotation(_write(tmp_path, content))
    assert "a.xml: " in str(caught.value) and "\n" not in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotation .*b\.xml does not exist"):
        read_annotation(tmp_path / "b.xml")
    with pytest.raises(DataError, match=r"annotation .* cannot be read"):
        read_annotation(tmp_path)


def test_utf16_is_read(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><annotation>' + _object(_box(1, 2, 3, 4)) + "</annotation>"
    assert len(read_annotation(_write(tmp_path, text.encode("utf-16"))).objects) == 1


@pytest.mark.parametrize(("name", "number"), [("BloodImage_00338", 13), ("BloodImage_00343", 4)])
def test_faulty_boxes_of_bccd(shared: Path, name: str, number: int) -> None:
    annotation = read_annotation(shared / f"data/bccd/VOCdevkit/VOC2007/Annotations/{name}.xml")
    assert (annotation.width, annotation.height) == (640, 480)
    assert len(annotation.faults) == 1
    assert f"{name}.xml: object {number} (" in annotation.faults[0] and "has no area" in annotation.faults[0]


def _bad(content: str, byte: bytes) -> bytes:
    return content.encode().replace(b"@", byte)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(_bad("<annotation>\n<path>@</path></annotation>", b"\xb0"), "0xb0 in line 2, byte 7", id="bare"),
        pytest.param(
            _bad('<?xml version="1.0"?>\n<annotation>\n<a>é@</a></annotation>', b"\xff"),
            "byte 0xff in line 3, byte 6",
            id="bytes count, not letters",
        ),
        pytest.param(
            _bad('<?xml version="1.0" encoding="UTF-8"?><annotation>@</annotation>', b"\xc4\xe3"),
            "byte 0xc4 in line 1",
            id="declared as UTF-8 and GBK",
        ),
    ],
)
def test_a_byte_of_another_encoding_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_annotation(_write(tmp_path, content))
    assert sentence in str(caught.value)


def test_the_degree_sign_of_a_real_file(shared: Path) -> None:
    with pytest.raises(DataError, match="found byte 0xb0 in line 2"):
        read_annotation(next((shared / "cases/case24/kit/VOC2007/Annotations").glob("p1.xml")))


CAT = Object("cat", 1, 2, 3, 4, False)


@pytest.mark.parametrize(
    ("body", "objects", "sentence"),
    [
        pytest.param(
            _object(_box(1, 2, 3, 4) + _box(5, 6, 7, 8) + _box(9, 9, 9, 9)),
            [CAT, Object("cat", 5, 6, 7, 8, False)],
            "object 1 (cat): 3 <bndbox>, expected one; each different one counts as an object",
            id="three boxes, one of them without area",
        ),
        pytest.param(_object(_box(1, 2, 3, 4) * 2), [CAT], "2 <bndbox>, expected one", id="one box twice"),
        pytest.param(
            _object(_box(1, 2, 3, 4), name="<name>cat</name><name>dog</name>"),
            [],
            "object 1: 2 <name>, expected one: cat, dog; it is left out",
            id="two names",
        ),
        pytest.param(
            _object(_box(1, 2, 3, 4).replace("<xmin>", "<xmin>7</xmin><xmin>")),
            [],
            "2 <xmin>, expected one: 7, 1; it is left out",
            id="two xmin",
        ),
        pytest.param(
            _object(_box(1, 2, 3, 4), more="<difficult>0</difficult><difficult>1</difficult>"),
            [CAT],
            "2 <difficult>, expected one: 0, 1; it counts as 0",
            id="two difficult",
        ),
        pytest.param(
            f"<object>{_object(_box(1, 2, 3, 4))}<name>cat</name>{_box(1, 2, 3, 4)}</object>",
            [CAT],
            "1 <object> not directly in <annotation>",
            id="an object in an object",
        ),
        pytest.param(
            _object(_box(1, 2, 3, 4)) + "<size><width>8</width><height>9</height></size>" * 1 + "<size/>",
            [CAT],
            "2 different <size>, expected one; the size counts as not given",
            id="two sizes",
        ),
        pytest.param(
            _object(_box(1, 2, 3, 4)) + "<size><width>8</width><height>9</height><width>7</width></size>",
            [CAT],
            "2 <width>, expected one: 8, 7; the size counts as not given",
            id="two widths",
        ),
        pytest.param(
            _object(_box(1, 2, 3, 4)) + _object(_box(1, 2, 3, 4)).replace("object>", "Object>"),
            [CAT],
            "1 <Object>, expected <object>; not read",
            id="capitals",
        ),
    ],
)
def test_what_may_come_once_and_comes_more_often(
    tmp_path: Path, body: str, objects: list[Object], sentence: str
) -> None:
    annotation = read_annotation(_write(tmp_path, f"<annotation>{body}</annotation>"))
    assert annotation.objects == objects
    assert (annotation.width, annotation.height) == (0, 0)
    assert any(sentence in fault for fault in annotation.faults)


def test_the_same_said_twice_is_no_fault(tmp_path: Path) -> None:
    size = "<size><width>8</width><height>9</height></size>"
    entry = _object(_box(1, 2, 3, 4), name="<name>cat</name><name> cat</name>")
    assert read_annotation(_write(tmp_path, f"<annotation>{size}{entry}{size}</annotation>")) == (8, 9, [CAT], [])
