"""Pipeline files: every mistake has the SDK's code and a sentence."""

import copy
import json

import pytest

from deploy.host.pipeline import parse_pipeline
from deploy.sdk_codes import SdkFault

CHAIN = ["appsrc0", "mxpi_imagedecoder0", "mxpi_imageresize0", "mxpi_tensorinfer0"]
CHAIN += ["mxpi_objectpostprocessor0", "mxpi_dataserialize0", "appsink0"]


@pytest.fixture
def good(tiny_bundle):
    """The text of a bundle's pipeline as an object."""
    return json.loads((tiny_bundle() / "detect.pipeline").read_text())


def changed(document, path, value):
    """`document` with the entry at `path` (dots between keys, within the stream) set, or removed where None."""
    document = copy.deepcopy(document)
    *folders, last = path.split(".")
    entry = document["detection"]
    for key in folders:
        entry = entry.setdefault(key, {})
    if value is None:
        del entry[last]
    else:
        entry[last] = value
    return document


def test_a_good_file(good):
    (stream,) = parse_pipeline(json.dumps(good).encode())
    assert stream.name == "detection"
    assert [element.name for element in stream.elements] == CHAIN
    resize = stream.elements[2]
    assert (resize.factory, resize.values["resizeWidth"]) == ("mxpi_imageresize", "128")
    assert resize.values["interpolation"] == "0"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("stream_config", None, id="stream_config is optional"),
        pytest.param("appsrc0.next", ["mxpi_imagedecoder0"], id="next as a list of one"),
        pytest.param("appsrc0.next", "mxpi_imagedecoder0:0", id="next with a port"),
        pytest.param("comment", {"text": "x"}, id="an object without factory is no element"),
        pytest.param("mxpi_imagedecoder0.props", {"deviceId": "0"}, id="the stream's device said again"),
        pytest.param("mxpi_objectpostprocessor0.props.postProcessConfigContent", {"A": "1"}, id="an object as a value"),
    ],
)
def test_also_right(good, path, value):
    (stream,) = parse_pipeline(json.dumps(changed(good, path, value)))
    assert [element.name for element in stream.elements] == CHAIN


def test_several_streams(good):
    good["second"] = good["detection"]
    assert [stream.name for stream in parse_pipeline(json.dumps(good))] == ["detection", "second"]


@pytest.mark.parametrize(
    ("path", "value", "code", "sentence"),
    [
        pytest.param("stream_config.deviceId", 0, 6005, 'it is a string like "0"', id="device as a number"),
        pytest.param("appsrc0", "appsrc", 6005, "detection.appsrc0 is a string", id="an element that is no object"),
        pytest.param("appsrc0.factory", 1, 6005, "factory is a number", id="a factory that is no string"),
        pytest.param("appsrc0.props", [], 6005, "props is a list", id="props that are no object"),
        pytest.param(
            "appsrc0.next", "mxpi_imagedecoder1", 6006, 'did you mean "mxpi_imagedecoder0"', id="misspelt next"
        ),
        pytest.param("appsrc0.next", 3, 6006, "next is a number", id="a next that is no string"),
        pytest.param("appsrc0.next", "mxpi_imagedecoder0:x", 6006, "no element", id="a port that is no number"),
        pytest.param("mxpi_dataserialize0.next", "mxpi_tensorinfer0", 6006, "comes before it", id="a circle"),
        pytest.param("appsrc0", None, 6006, "expected one appsrc", id="no appsrc"),
        pytest.param("appsink0.next", "appsrc0", 6006, "comes before it", id="a circle through the appsink"),
        pytest.param(
            "mxpi_imageresize0.factory",
            "mxpi_imageresise",
            6014,
            'did you mean "mxpi_imageresize"',
            id="misspelt factory",
        ),
        pytest.param(
            "mxpi_imageresize0.props.resizeWidht", "128", 6015, 'did you mean "resizeWidth"', id="misspelt property"
        ),
        pytest.param("mxpi_imageresize0.props.resizeWidth", 128, 6015, "as a string", id="a number as a value"),
        pytest.param("mxpi_imageresize0.props.deviceId", "1", 6015, 'the stream has deviceId "0"', id="another device"),
        pytest.param("mxpi_imageresize0.props.dataSource", "x", 6015, "two spellings", id="both names of the source"),
        pytest.param("mxpi_tensorinfer0.props.modelPath", None, 6015, '"modelPath"', id="a required property missing"),
        pytest.param("mxpi_dataserialize0.next", None, 6016, "a chain ends in an appsink", id="a loose end"),
        pytest.param(
            "appsrc0.next", "mxpi_imageresize0", 1005, "joins the chain at mxpi_imageresize0", id="an element beside it"
        ),
        pytest.param("appsrc0.next", ["mxpi_imagedecoder0", "appsink0"], 1005, "without branches", id="a fan-out"),
        pytest.param(
            "appsrc1", {"factory": "appsrc", "next": "appsink0"}, 1005, "expected one appsrc", id="two sources"
        ),
        pytest.param(
            "appsink1", {"factory": "appsink"}, 6016, "nothing leads to it", id="an element that nothing feeds"
        ),
        pytest.param("appsrc0.nextMeta", "appsink0", 1005, "nextMeta", id="nextMeta"),
        pytest.param(
            "venc0", {"factory": "mxpi_videoencoder", "next": "appsink0"}, 1005, "runs on the board", id="board only"
        ),
        pytest.param("ReservedVisionList", {"factory": "appsink"}, 6011, "keeps the name", id="a reserved name"),
    ],
)
def test_mistakes(good, path, value, code, sentence):
    with pytest.raises(SdkFault, match="detection") as caught:
        parse_pipeline(json.dumps(changed(good, path, value)))
    assert caught.value.code == code
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "0 bytes", id="empty"),
        pytest.param("{", "not JSON", id="broken JSON"),
        pytest.param(b"\xff\xfe{}", "not JSON", id="not UTF-8"),
        pytest.param("[" * 100_000, "not JSON", id="nested beyond reason"),
        pytest.param("[]", "not a JSON object of streams", id="a list"),
        pytest.param("{}", "not a JSON object of streams", id="no stream"),
        pytest.param('{"a": 1}', "stream a is a number", id="a stream that is no object"),
        pytest.param(" " * (10 * 2**20 + 1), "10 MiB", id="too large"),
        pytest.param(json.dumps({"a": {str(i): {} for i in range(257)}}), "257 keys", id="too many keys"),
        pytest.param('{"a": {}}', "expected one appsrc element, found none", id="a stream without elements"),
    ],
)
def test_what_is_no_pipeline(text, sentence):
    with pytest.raises(SdkFault) as caught:
        parse_pipeline(text)
    assert caught.value.code in (6005, 6006)
    assert sentence in caught.value.sentence
