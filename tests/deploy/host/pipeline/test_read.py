"""Pipeline files: every mistake has the SDK's code and a sentence."""

import copy
import json

import pytest

from deploy.host.pipeline.read import parse_pipeline, read_pipeline
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
        pytest.param("comment", {"text": "x"}, id="an object without factory is passed over"),
        pytest.param("mxpi_imagedecoder0.props", {"deviceId": "0"}, id="the stream's device said again"),
        pytest.param("mxpi_objectpostprocessor0.props.postProcessConfigContent", {"A": "1"}, id="an object as a value"),
    ],
)
def test_also_right(good, path, value):
    (stream,) = parse_pipeline(json.dumps(changed(good, path, value)))
    assert [element.name for element in stream.elements] == CHAIN


def fan(good):
    """The stream with a tee that leads to a fakesink as well, and drawn boxes that meet their image again."""
    stream = good["detection"]
    stream["mxpi_imagedecoder0"]["next"] = "tee0"
    stream["tee0"] = {"factory": "tee", "next": ["queue0", "queue1", "queue2"]}
    stream["queue2"] = {"factory": "queue", "next": "fakesink0"}
    stream["fakesink0"] = {"factory": "fakesink"}
    stream["queue0"] = {"factory": "queue", "props": {"leaky": "1"}, "next": "mxpi_imageresize0"}
    stream["queue1"] = {"factory": "queue", "next": "mxpi_opencvosd0:0"}
    stream["mxpi_objectpostprocessor0"]["next"] = "mxpi_object2osdinstances0"
    stream["mxpi_object2osdinstances0"] = {"factory": "mxpi_object2osdinstances", "next": "mxpi_opencvosd0:1"}
    stream["mxpi_opencvosd0"] = {"factory": "mxpi_opencvosd", "next": "mxpi_dataserialize0"}
    return good


def test_a_graph(good):
    (stream,) = parse_pipeline(json.dumps(fan(good)))
    names = [element.name for element in stream.elements]
    by_name = {element.name: element for element in stream.elements}
    assert len(names) == 14
    for element in stream.elements:
        for target, _ in element.links:
            assert names.index(element.name) < names.index(target)
    assert [tuple(link) for link in by_name["tee0"].links] == [("queue0", 0), ("queue1", 0), ("queue2", 0)]
    assert [tuple(link) for link in by_name["queue1"].links] == [("mxpi_opencvosd0", 0)]
    assert [tuple(link) for link in by_name["mxpi_object2osdinstances0"].links] == [("mxpi_opencvosd0", 1)]
    assert by_name["queue0"].values["leaky"] == "1"


def test_next_meta_is_a_data_source(good):
    """As in the SDK, which sets the target's dataSource to all that name it, in the order of their ports."""
    stream = good["detection"]
    stream["mxpi_imagedecoder0"]["nextMeta"] = "mxpi_tensorinfer0:1"
    stream["mxpi_imageresize0"]["nextMeta"] = ["mxpi_tensorinfer0:0"]
    (stream,) = parse_pipeline(json.dumps(good))
    by_name = {element.name: element for element in stream.elements}
    assert by_name["mxpi_tensorinfer0"].values["dataSource"] == "mxpi_imageresize0,mxpi_imagedecoder0"
    assert [tuple(link) for link in by_name["mxpi_imagedecoder0"].meta_links] == [("mxpi_tensorinfer0", 1)]


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param((":0", ":0"), id="twice"),
        pytest.param((":0", ":2"), id="one left out"),
        pytest.param(("", ":1"), id="with and without"),
    ],
)
def test_ports_of_next_meta(good, ports):
    for name, port in zip(("mxpi_imagedecoder0", "mxpi_imageresize0"), ports):
        good["detection"][name]["nextMeta"] = "mxpi_tensorinfer0" + port
    with pytest.raises(SdkFault, match="each once") as caught:
        parse_pipeline(json.dumps(good))
    assert caught.value.code == 1004


def test_two_sources_meet(good):
    stream = good["detection"]
    stream["appsrc1"] = {"factory": "appsrc", "next": "mxpi_tensorinfer0:1"}
    (read,) = parse_pipeline(json.dumps(good))
    links = {element.name: [tuple(link) for link in element.links] for element in read.elements}
    assert links["mxpi_imageresize0"] == [("mxpi_tensorinfer0", 0)]
    assert links["appsrc1"] == [("mxpi_tensorinfer0", 1)]
    stream["appsrc1"]["next"] = "mxpi_tensorinfer0"
    with pytest.raises(SdkFault, match="write mxpi_tensorinfer0:1") as caught:
        parse_pipeline(json.dumps(good))
    assert caught.value.code == 6006


def test_all_inputs_are_linked(good):
    stream = fan(good)["detection"]
    stream["mxpi_object2osdinstances0"]["next"] = "mxpi_dataserialize0"
    stream["mxpi_opencvosd0"]["next"] = "fakesink1"
    stream["fakesink1"] = {"factory": "fakesink"}
    with pytest.raises(SdkFault, match="mxpi_opencvosd has 2 inputs") as caught:
        parse_pipeline(json.dumps(good))
    assert caught.value.code == 6016


def test_the_streams_device_reaches_its_elements(good):
    good["detection"]["stream_config"]["deviceId"] = "2"
    (stream,) = parse_pipeline(json.dumps(good))
    assert stream.device == "2"
    assert {element.values.get("deviceId", "2") for element in stream.elements} == {"2"}


def test_a_byte_order_mark_is_skipped(good):
    (stream,) = parse_pipeline(b"\xef\xbb\xbf" + json.dumps(good).encode())
    assert stream.name == "detection"


def test_board_only_plugins_are_known(good):
    """The file is right; that no host runs it comes out when the stream is made (test_factories)."""
    good["detection"]["mxpi_videoencoder0"] = {"factory": "mxpi_videoencoder", "next": "fakesink0"}
    good["detection"]["fakesink0"] = {"factory": "fakesink"}
    good["detection"]["mxpi_imagedecoder0"]["next"] = ["mxpi_imageresize0", "mxpi_videoencoder0"]
    assert len(parse_pipeline(json.dumps(good))) == 1


TWICE = """{
  "s": {
    "appsrc0": {"factory": "appsrc", "next": "fakesink0"},
    "fakesink0": {"factory": "fakesink"},
    "appsrc0": {
      "factory": "appsrc",
      "props": {"blocksize": "1",
                "blocksize": "2"},
      "next": "fakesink0"
    }
  }
}
"""


def test_keys_that_come_twice(caplog):
    """The SDK keeps the last one, so the engine does; nobody means that, so it is reported."""
    (stream,) = parse_pipeline(TWICE)
    assert [element.values.get("blocksize") for element in stream.elements] == ["2", ""]
    assert 'line 5: stream s: the key "appsrc0" stands in line 3 already' in caplog.text
    assert 'line 8: stream s, appsrc0, props: the key "blocksize" stands in line 7 already' in caplog.text


def test_all_findings_with_their_lines(good):
    stream = good["detection"]
    stream["mxpi_imageresize0"]["props"].update({"resizeWidth": 128, "resizeHeight": "5000", "resizeTyp": "x"})
    stream["mxpi_tensorinfer0"]["nxet"] = stream["mxpi_tensorinfer0"].pop("next")
    stream["appsrc0"]["props"]["is-live"] = "true"
    text = json.dumps(good, indent=1)
    found = read_pipeline(text).findings
    lines = text.split("\n")
    for word, severity, code in (
        ("resizeWidth", "error", 6015),
        ("resizeHeight", "error", 2021),
        ("resizeTyp", "error", 6015),
        ("nxet", "error", 6015),
        ("is-live", "warning", 0),
    ):
        (finding,) = [one for one in found if word in one.sentence.split(";")[0]]
        assert f'"{word}"' in lines[finding.line - 1]
        assert (finding.severity, finding.code) == (severity, code)
    loose = [one for one in found if one.code == 6016]
    assert sorted(lines[one.line - 1].strip() for one in loose) == [
        '"mxpi_objectpostprocessor0": {',
        '"mxpi_tensorinfer0": {',
    ]


def test_several_streams(good):
    good["second"] = good["detection"]
    assert [stream.name for stream in parse_pipeline(json.dumps(good))] == ["detection", "second"]


@pytest.mark.parametrize(
    ("path", "value", "code", "sentence"),
    [
        pytest.param("stream_config.deviceId", 0, 1004, 'it is a string like "0"', id="device as a number"),
        pytest.param("appsrc0", "appsrc", 6005, "detection.appsrc0 is a string", id="an element that is no object"),
        pytest.param("appsrc0.factory", 1, 6014, "factory is a number", id="a factory that is no string"),
        pytest.param("appsrc0.props", [], 6015, "props is a list", id="props that are no object"),
        pytest.param(
            "appsrc0.next", "mxpi_imagedecoder1", 6006, 'did you mean "mxpi_imagedecoder0"', id="misspelt next"
        ),
        pytest.param("appsrc0.next", 3, 6005, "next is a number", id="a next that is no string"),
        pytest.param("appsrc0.next", "mxpi_imagedecoder0:x", 6006, "no element", id="a port that is no number"),
        pytest.param("appsrc0.next", "mxpi_imagedecoder0:0:1", 6006, "another colon", id="two ports"),
        pytest.param("appsrc0.next", ["mxpi_imagedecoder0", 1], 6005, "a list with a number", id="a number in next"),
        pytest.param("appsrc0.nextMeta", "nosuch0", 1004, "no element", id="nextMeta to nothing"),
        pytest.param(
            "mxpi_dataserialize0.next",
            "mxpi_tensorinfer0",
            6006,
            "mxpi_tensorinfer0 -> mxpi_objectpostprocessor0 -> mxpi_dataserialize0 -> mxpi_tensorinfer0",
            id="a circle",
        ),
        pytest.param("mxpi_imageresize0.next", "mxpi_imageresize0", 6006, "in a circle", id="an element behind itself"),
        pytest.param("appsrc0", None, 6016, "nothing leads to it", id="no appsrc"),
        pytest.param("appsink0.next", "mxpi_dataserialize0", 6006, "appsink has no output", id="behind an appsink"),
        pytest.param("mxpi_dataserialize0.next", "appsrc0", 6006, "appsrc has no input", id="before an appsrc"),
        pytest.param("appsrc0.next", ["mxpi_imagedecoder0", "appsink0"], 6006, "one output", id="fan-out of an appsrc"),
        pytest.param("mxpi_imagedecoder0.next", ["mxpi_imageresize0", "appsink0"], 6006, "one input", id="two links"),
        pytest.param(
            "mxpi_imagedecoder0.next",
            ["mxpi_imageresize0:1", "mxpi_imageresize0:1"],
            6006,
            "whose next free port is 0",
            id="a port left out",
        ),
        pytest.param(
            "mxpi_imagedecoder0.next",
            ["mxpi_imageresize0", "mxpi_imageresize0:0"],
            6006,
            "write mxpi_imageresize0:1",
            id="one port twice",
        ),
        pytest.param("mxpi_imagedecoder0.nexst", "x", 6015, 'did you mean "next"', id="an unknown key"),
        pytest.param("mxpi_imageresize0.props.RGBValue", "1,  2,3", 6005, "two blanks", id="two blanks in a row"),
        pytest.param("stream_config.deviceId", "00", 1004, "it is a string like", id="device with a leading zero"),
        pytest.param("sink0", {"factory": "appsink"}, 6011, "are named appsink0", id="an appsink of another name"),
        pytest.param("mxpi_dataserialize0.next", [], 6016, "appsink0: nothing leads to it", id="an empty next"),
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
        pytest.param("mxpi_dataserialize0.next", None, 6016, "appsink0: nothing leads to it", id="a loose end"),
        pytest.param("appsrc0.next", "mxpi_imageresize0", 6006, "appsrc0 leads to port 0", id="an element beside"),
        pytest.param("appsink1", {"factory": "appsink"}, 6016, "nothing leads to it", id="nothing feeds it"),
        pytest.param("appsrc1", {"factory": "appsrc"}, 6016, "it has no next", id="a source that leads nowhere"),
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
        pytest.param(json.dumps({str(i): {} for i in range(257)}), "257 streams", id="too many streams"),
        pytest.param('{"a": {}}', "stream a has no elements", id="a stream without elements"),
        pytest.param('{"a": {"b": {"factory": "appsrc",}}}', "column 34", id="a comma too many"),
        pytest.param('{"a": {} /* b */}', "not JSON", id="a comment"),
        pytest.param('{"a": NaN}', "not JSON", id="not a number"),
        pytest.param(json.dumps({"a": {str(i): {} for i in range(5121)}}), "5121 elements", id="too many elements"),
    ],
)
def test_what_is_no_pipeline(text, sentence):
    with pytest.raises(SdkFault) as caught:
        parse_pipeline(text)
    refused_first = ("bytes", "MiB", "stream a is", "no elements")  # before the SDK looks at the JSON or at elements
    assert caught.value.code == (1004 if any(part in sentence for part in refused_first) else 6005)
    assert sentence in caught.value.sentence
