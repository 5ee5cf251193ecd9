"""Every n-th buffer."""

import pytest

from tests.deploy.host.wiring import fetch, running, send


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        pytest.param("0", [0, 1, 2, 3, 4, 5, 6], id="none is skipped"),
        pytest.param("1", [1, 3, 5], id="every other"),
        pytest.param("2", [2, 5], id="the third of three"),
    ],
)
def test_skipping(number, kept):
    with running("appsrc0 mxpi_skipframe0 appsink0", mxpi_skipframe0={"frameNum": number}) as manager:
        for index in range(7):
            send(manager, b"%d" % index)
        assert [fetch(manager) for _ in kept] == [(0, b"%d" % index) for index in kept]
        assert fetch(manager, timeout=50)[0] == 6010


def test_what_carries_a_fault_passes_and_is_not_counted(blob_jpeg):
    props = {"mxpi_skipframe0": {"frameNum": "1"}}
    with running("appsrc0 mxpi_imagedecoder0 mxpi_skipframe0 appsink0", **props) as manager:
        for data in (blob_jpeg([]), b"no image", blob_jpeg([])):
            send(manager, data)
        assert fetch(manager)[0] == 2019
        assert fetch(manager)[0] == 0
