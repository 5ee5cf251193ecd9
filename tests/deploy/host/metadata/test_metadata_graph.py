"""The text of whole metadata graphs, against texts written by the vendor's own code."""

import base64
import json

import numpy as np
import pytest

from deploy.host.metadata.messages import from_message, parse, to_message
from deploy.host.metadata.metadata_graph import graph_json
from deploy.host.metadata.values import Header, Image, Images, Objects, TensorPackages, Tensors

pytest.importorskip("google.protobuf", reason="the graph is made of messages")


def split(keys):
    return [key for key in keys.split(",") if key]


def test_golden_texts(shared):
    cases = json.loads((shared / "golden/dataserialize.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) >= 30
    for case in cases:
        metadata = {
            entry["key"]: parse(f"MxTools.{entry['message_type']}", base64.b64decode(entry["protobuf_b64"]))
            for entry in case["lists"]
        }
        text = graph_json(metadata, split(case["outputDataKeys"]), case["eraseHeaderVecFlag"] == 1)
        assert text == case["text"], case["name"]
        # objects as the host's own post-processors hand them on
        own = {key: as_own(message) for key, message in metadata.items()}
        assert graph_json(own, split(case["outputDataKeys"]), case["eraseHeaderVecFlag"] == 1) == case["text"]


def as_own(message):
    """The message as the host's own value, where that says as much."""
    if message.DESCRIPTOR.name != "MxpiObjectList":
        return message
    value = from_message(message)
    return value if to_message(value) == message else message


def objects(count, source, members=None):
    rows = np.zeros((count, 6), np.float32)
    rows[:, 5] = np.arange(count)
    return Objects(rows, [str(number) for number in range(count)], source, members)


def image(*headers):
    return Image(np.zeros((2, 2, 3), np.uint8), 2, 2, 2, 2, headers=headers)


def test_the_hosts_own_values_nest():
    """Decoder, cropper, model on the crops, objects in the crops: each under what it was made from."""
    metadata = {
        "dec0": Images([image()]),
        "crop0": Images([image(Header("dec0", 0)), image(Header("dec0", 0))]),
        "infer0": TensorPackages([Tensors([np.zeros(1, np.float32)], None, (Header("crop0", n),)) for n in range(2)]),
        "post0": objects(3, "infer0", np.array([1, 0, 1])),
    }
    (decoded,) = json.loads(graph_json(metadata, [], True))["MxpiVision"]
    crops = decoded["MxpiVision"]
    names = [[o["classVec"][0]["className"] for o in crop["MxpiTensorPackage"][0]["MxpiObject"]] for crop in crops]
    assert names == [["1"], ["0", "2"]]
    (squeezed,) = json.loads(graph_json(metadata, ["post0", "dec0"], True))["MxpiVision"]
    assert [o["classVec"][0]["className"] for o in squeezed["MxpiObject"]] == ["1", "0", "2"]


@pytest.mark.parametrize(
    ("source", "members", "expected"),
    [
        pytest.param("nosuch0", None, 2, id="a parent that is not there: it hangs under the root"),
        pytest.param("dec0", np.array([0, 7]), 0, id="a member that is not there: it hangs nowhere"),
        pytest.param("post0", np.array([0, 1]), 0, id="its own parent"),
    ],
)
def test_odd_parents(source, members, expected):
    metadata = {"dec0": Images([image()]), "post0": objects(2, source, members)}
    assert len(json.loads(graph_json(metadata, [], True)).get("MxpiObject", [])) == expected


def test_more_than_sixteen_come_as_std_sort_leaves_them():
    listed = json.loads(graph_json({"post0": objects(17, "")}, ["post0", "other0"], True))["MxpiObject"]
    order = [entry["classVec"][0]["classId"] for entry in listed]
    assert sorted(order) == list(range(17)) != order
    few = json.loads(graph_json({"post0": objects(16, "")}, ["post0", "other0"], True))["MxpiObject"]
    assert [entry["classVec"][0]["classId"] for entry in few] == list(range(16))


def test_lists_without_headers_and_maps():
    custom = parse("MxTools.MxpiCustomDataList", b"")
    custom.dataVec.add().map["key"] = "value"
    metadata = {"custom0": custom, "frame": parse("MxTools.MxpiFrame", b""), "class": parse("MxTools.MxpiClass", b"")}
    assert graph_json(metadata, [], True) == '{"MxpiCustomData":[{"map":{"key":"value"}}]}'
    assert graph_json(metadata, ["frame"], True) == ""
