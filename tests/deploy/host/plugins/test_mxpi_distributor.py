"""Which objects leave at which port."""

import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import Images, Objects
from deploy.host.pipeline.description import Element, Link
from deploy.host.plugins.base import IMAGE, OBJECTS, Plugin
from deploy.host.plugins.mxpi_distributor import Distributor
from deploy.sdk_codes import SdkFault

OBJECT_CLASSES = [5, 1, 2, 1]
ALL = ["a", "b", "c", "d"]


class Source(Plugin):
    produces = OBJECTS


def distributor(ports=2, source=OBJECTS, **props):
    values = read_properties("dist0", "mxpi_distributor", props, Distributor.PROPERTIES)
    plugin = Distributor(Element("dist0", "mxpi_distributor", values, tuple(Link(f"e{n}") for n in range(ports))))
    before = Source(Element("post0", "", {}))
    before.produces = source
    plugin.connect([before], [])
    return plugin


def a_frame(**fields):
    rows = np.zeros((4, 6), np.float32)
    rows[:, 5] = OBJECT_CLASSES
    return Frame(b"x", {"post0": Objects(rows, ALL, "infer0")}, **fields)


def leaving(plugin, frame=None):
    """The names of the objects at each port; None where nothing leaves."""
    found = []
    for port, one in enumerate(plugin.route(frame or a_frame(), 2)):
        own = one.metadata.get(f"dist0_{port}") if one else None
        found.append(own.names if own else [] if one else None)
    return found


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        pytest.param({"classIds": "1,2"}, [["b", "d"], ["c"]], id="a class a port"),
        pytest.param({"classIds": "1|5, 2"}, [["a", "b", "d"], ["c"]], id="several classes at a port"),
        pytest.param({"classIds": "1,1"}, [["b", "d"], ["b", "d"]], id="a class at both"),
        pytest.param({"classIds": "2,7"}, [["c"], None], id="nothing for the second"),
        pytest.param({"classIds": "2,7", "distributeAll": "yes"}, [["c"], []], id="the second gets the buffer alone"),
        pytest.param({"classIds": "8,7"}, [None, None], id="nothing at all"),
    ],
)
def test_classes(props, expected):
    assert leaving(distributor(**props)) == expected


def test_each_object_has_the_original_for_its_parent():
    first, _ = distributor(classIds="1,2").route(a_frame(), 2)
    part = first.metadata["dist0_0"]
    assert (part.data_source, part.members.tolist()) == ("post0", [1, 3])
    assert first.buffer == b"x"
    assert "dist0_1" not in first.metadata


def test_a_buffer_without_objects_goes_everywhere():
    assert leaving(distributor(classIds="1,2"), Frame(b"x")) == [[], []]


@pytest.mark.parametrize(("channel", "expected"), [(3, [None, ALL]), (0, [ALL, None]), (9, [None, None])])
def test_channels(channel, expected):
    assert leaving(distributor(channelIds="0|1,3"), a_frame(channel_id=channel)) == expected


def test_channels_of_images():
    plugin = distributor(source=IMAGE, channelIds="0,1")
    first, second = plugin.route(Frame(b"x", {"post0": Images()}), 2)
    assert first.metadata["dist0_0"] == [] and second is None
    assert plugin.at_port(1).produces == IMAGE


def test_messages():
    pytest.importorskip("google.protobuf")
    from deploy.host.metadata.messages import parse, to_message

    frame = a_frame()
    frame.metadata["post0"] = to_message(frame.metadata["post0"])
    first, second = distributor(classIds="1,5").route(frame, 2)
    assert [item.classVec[0].className for item in first.metadata["dist0_0"].objectVec] == ["b", "d"]
    assert [header.memberId for item in first.metadata["dist0_0"].objectVec for header in item.headerVec] == [1, 3]
    assert len(second.metadata["dist0_1"].objectVec) == 1
    frame.metadata["post0"] = parse("MxTools.MxpiVisionList", b"")
    with pytest.raises(SdkFault) as raised:
        distributor(classIds="1,5").route(frame, 2)
    assert raised.value.code == 11004


@pytest.mark.parametrize(
    ("props", "words"),
    [
        pytest.param({}, "neither is set", id="neither"),
        pytest.param({"classIds": "1,2", "channelIds": "1,2"}, "both are set", id="both"),
        pytest.param({"classIds": "1"}, "1 group", id="too few groups"),
    ],
)
def test_settings(props, words):
    with pytest.raises(SdkFault, match=words) as raised:
        distributor(**props)
    assert raised.value.code == 1004
