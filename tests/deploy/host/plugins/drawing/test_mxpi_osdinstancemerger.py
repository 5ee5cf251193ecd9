"""Drawings of several sources in one image: the chain of the SDK's own OSD sample, and two of its appsrcs."""

import cv2
import numpy as np
import pytest

from deploy.host.exchange.structs import InProtobufVector, MxProtobufIn
from tests.deploy.host.wiring import NAME, fetch, refused, running, send

osd = pytest.importorskip("deploy.host.proto.MxpiOSDType_pb2", reason="what is drawn comes as messages")

SHOW = "appsrc0 mxpi_imagedecoder0 mxpi_opencvosd0:0 mxpi_imageencoder0 appsink0"
ONE = (SHOW, "appsrc1 mxpi_osdinstancemerger0 mxpi_opencvosd0:1")
TWO = (SHOW, "appsrc1 mxpi_osdinstancemerger0:0 mxpi_opencvosd0:1", "appsrc2 mxpi_osdinstancemerger0:1")


def lines(*rows):
    """An entry with a green line at each of the rows."""
    params = {"scalorG": 255, "thickness": 3, "lineType": 8}
    return osd.MxpiOsdInstances(osdLineVec=[{"x0": 0, "y0": y, "x1": 255, "y1": y, "osdParams": params} for y in rows])


def sent(manager, source, *entries):
    item = MxProtobufIn()
    item.key, item.type = f"appsrc{source}".encode(), b"MxTools.MxpiOsdInstancesList"
    item.protobuf = osd.MxpiOsdInstancesList(osdInstancesVec=list(entries)).SerializeToString()
    assert manager.SendProtobuf(NAME, source, InProtobufVector([item])) == 0, manager.LastError()


def drawn_rows(data):
    """Which of the rows 50, 100 and 150 are green."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return [row for row in (50, 100, 150) if pixels[row, :, 1].min() > 200]


@pytest.mark.parametrize(
    ("chains", "props", "sources", "rows"),
    [
        pytest.param(ONE, {"dataSourceList": "appsrc1"}, [[lines(50)]], [50], id="the sample"),
        pytest.param(ONE, {}, [[lines(50, 100)]], [50, 100], id="found by itself"),
        pytest.param(TWO, {"dataSourceList": "appsrc1, appsrc2"}, [[lines(50)], [lines(150)]], [50, 150], id="two"),
        pytest.param(TWO, {"dataSourceList": "appsrc1,appsrc2"}, [[], [lines(150)]], [150], id="an empty one"),
        pytest.param(TWO, {"dataSourceList": "appsrc1,appsrc2"}, [[], []], [], id="only empty ones"),
    ],
)
def test_what_is_drawn(blob_jpeg, chains, props, sources, rows):
    with running(*chains, mxpi_osdinstancemerger0=props) as manager:
        send(manager, blob_jpeg([], 256, 256))
        for number, entries in enumerate(sources, 1):
            sent(manager, number, *entries)
        code, data = fetch(manager)
    assert code == 0, data
    assert drawn_rows(data) == rows


def test_lists_of_different_lengths(blob_jpeg):
    with running(*TWO, mxpi_osdinstancemerger0={"dataSourceList": "appsrc1,appsrc2"}) as manager:
        send(manager, blob_jpeg([], 256, 256))
        sent(manager, 1, lines(50))
        sent(manager, 2, lines(50), lines(100))
        code, data = fetch(manager)
    assert code == 1001 and b"mxpi_osdinstancemerger0: the lists of its sources have 1, 2 entries" in data


def test_a_source_for_each_input():
    code, sentence = refused(*TWO, mxpi_osdinstancemerger0={"dataSourceList": "appsrc1"})
    assert code == 1001 and "dataSourceList names 1 element(s), and 2 link(s) lead here" in sentence
