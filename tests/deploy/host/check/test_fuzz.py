"""Files that nobody meant: what reads them answers with a result or with a sentence, and soon."""

import json
import string
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.aipp.read import parse_aipp
from deploy.aipp.rule import aipp_rule
from deploy.errors import ReportedError
from deploy.host.catalog import CATALOG
from deploy.host.check.run import check
from deploy.host.pipeline.json_text import JsonFault, parse_json
from deploy.host.pipeline.read import parse_pipeline, read_pipeline
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import parse_labels, read_labels
from deploy.postprocess.sdk2.config import read_sdk2_yolov3, read_sdk2_yolov5
from deploy.postprocess.yolo_config import read_yolo_config

ROOT = Path(__file__).resolve().parents[4]
DEMO = ROOT / "models" / "demo"
FILES = [*sorted(DEMO.glob("*.pipeline")), DEMO / "detect.cfg", DEMO / "aipp.cfg", DEMO / "labels.names"]


def fuzz(examples):
    return settings(
        max_examples=examples,
        deadline=timedelta(seconds=5),  # a hang
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


TOKENS = [b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\", b"\n", b"\r\n", b"\t", b"\0", b" ", b"#", b"=", b"\xff"]
TOKENS += [b"\xef\xbb\xbf", b"-1", b"1e999", b"0x1", b"9" * 30, b"9" * 5000, b"0" * 5000, b"null", b"NaN"]
TOKENS += ["中".encode(), b"\\ud800", b"..", b"/" * 40, b"A" * 10_001, b"aipp_op", b'"factory"', b'"next"']


@st.composite
def spoilt(draw, files=FILES):
    """One of the project's files with a few places cut out, doubled or written over."""
    data = draw(st.sampled_from(files)).read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.integers(0, 40)))
        middle = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8), st.just(data[at:until] * 2)))
        data = data[:at] + middle + data[until:]
    return data


# With all of Unicode in reach Hypothesis lists it first, which takes longer than the tests.
LETTERS = "".join(map(chr, range(0x250))) + "\u0301\u200f\u2028\u20ac\u4e2d\u6587\ufeff\ufffd\uffff\U0001f600\U0010ffff"


def texts(most):
    """Any text of up to so many letters: ASCII with its controls, Latin, Chinese, marks, separators, the last plane."""
    return st.text(LETTERS, max_size=most)


NAMES = st.one_of(
    st.sampled_from(["appsrc0", "tee0", "queue0", "mxpi_imageresize0", "appsink0", "stream_config", "a", ""]),
    st.text(string.printable, max_size=6),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, texts(8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(4), inner, max_size=3)),
    max_leaves=6,
)
PROPERTY_NAMES = sorted({name for known in CATALOG.values() for name in known.properties})
TEXTS = st.one_of(
    NAMES, st.sampled_from(["auto", "0", "1", "-1", "640", "x.om", "../x", "a,b", "libyolov3postprocess.so"])
)
PROPS = st.dictionaries(st.sampled_from(PROPERTY_NAMES), st.one_of(TEXTS, VALUES), max_size=5)
TARGETS = st.one_of(NAMES, st.lists(st.one_of(NAMES, st.just("tee0:1"), VALUES), max_size=3), VALUES)


@st.composite
def element(draw):
    """An element that is almost one."""
    factory = draw(st.one_of(st.sampled_from(sorted(CATALOG)), NAMES, VALUES))
    entry = {"factory": factory}
    known = CATALOG.get(factory) if isinstance(factory, str) else None
    if draw(st.booleans()):
        entry["props"] = draw(st.one_of(PROPS, VALUES))
    elif known is not None:
        table = sorted(known.properties)
        entry["props"] = draw(st.dictionaries(st.sampled_from(table), st.one_of(TEXTS, VALUES), max_size=4))
    for key in ("next", "nextMeta"):
        if draw(st.booleans()):
            entry[key] = draw(TARGETS)
    return entry


STREAMS = st.dictionaries(NAMES, st.dictionaries(NAMES, st.one_of(element(), VALUES), max_size=7), max_size=2)


def check_bytes(data, name):
    """Through the whole check, to the lines and the JSON that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        for used in ("labels.names", "detect.cfg", "aipp.cfg"):
            if used != name:
                (Path(folder) / used).write_bytes((DEMO / used).read_bytes())
        report = check([file], folder=Path(folder), sdk="2.0.4")
    lines = report.to_text().encode("utf-8", "backslashreplace")
    assert len(report.files) >= 1
    assert lines.count(b": error: ") >= report.count("error")
    json.dumps(report.to_json(), ensure_ascii=False).encode("utf-8", "backslashreplace")
    for _, _, findings in report.files:
        assert all(0 <= one.line <= data.count(b"\n") + 2 or name != Path(_).name for one in findings)


@fuzz(150)
@given(spoilt(), st.sampled_from(["x.pipeline", "detect.cfg", "aipp.cfg", "labels.names", "x"]))
def test_spoilt_files(data, name):
    check_bytes(data, name)


@pytest.mark.long
@fuzz(150)
@given(STREAMS)
def test_streams_of_all_shapes(document):
    text = json.dumps(document, indent=1)
    check_bytes(text.encode(), "x.pipeline")
    pipeline = read_pipeline(text)
    for stream in pipeline.streams:
        # a stream is whole or something is said about it
        assert stream.stream is not None or any(one.severity == "error" and one.code for one in pipeline.findings)


@fuzz(200)
@given(st.one_of(st.binary(max_size=60), spoilt(FILES[:1]), texts(40)))
def test_pipeline_texts(text):
    with suppress(ReportedError):
        parse_pipeline(text)


@fuzz(200)
@given(st.one_of(VALUES, STREAMS), st.sampled_from([None, 1]))
def test_json_means_what_json_means(document, indent):
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    try:
        found = parse_json(text).plain()
    except JsonFault as fault:
        assert "surrogate" in fault.reason or "double" in fault.reason
    else:
        assert found == json.loads(text)


@fuzz(200)
@given(st.one_of(st.binary(max_size=60), spoilt([DEMO / "detect.cfg"])))
def test_configs(data):
    try:
        values = KeyValues.from_text(data, "x.cfg")
    except ReportedError:
        return
    for read in (read_yolo_config, read_sdk2_yolov3, read_sdk2_yolov5):
        with suppress(ReportedError):
            read(values)


@fuzz(100)
@given(st.one_of(texts(40), VALUES.map(json.dumps)))
def test_contents(text):
    with suppress(ReportedError):
        read_yolo_config(KeyValues.from_json(text, "content"))


@fuzz(200)
@given(st.one_of(st.binary(max_size=60), spoilt([DEMO / "aipp.cfg"])))
def test_aipp_files(data):
    with suppress(ReportedError):
        aipp_rule(parse_aipp(data.decode("utf-8", "replace"), "aipp.cfg"), (3, 320, 320), "aipp.cfg")


@fuzz(100)
@given(st.binary(max_size=60))
def test_label_files(data):
    parse_labels(data.decode("utf-8", "replace"))
    with tempfile.TemporaryDirectory() as folder, suppress(ReportedError):
        file = Path(folder) / "x.names"
        file.write_bytes(data)
        read_labels(file)


@pytest.mark.parametrize("data", [b"[" * 200_000, b'{"a":' * 100_000, b'{"a":{"b":{"factory":"' + b"x" * 10**6])
def test_deep_and_long(data):
    check_bytes(data, "x.pipeline")
