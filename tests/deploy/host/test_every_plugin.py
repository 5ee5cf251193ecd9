"""Every element that the host engine runs, in a stream with data passing through."""

import json

import pytest

from deploy.host.engine.factories import FACTORIES
from tests.deploy.host import h264
from tests.deploy.host.wiring import fetch, running, send

MODEL = {"modelPath": "model.om"}
FILES = {"postProcessConfigPath": "detect.cfg", "labelPath": "labels.names"}
DETECT = "appsrc0 mxpi_imagedecoder0 mxpi_imageresize0 mxpi_tensorinfer0 mxpi_objectpostprocessor0"
PROPS = {
    "mxpi_tensorinfer0": MODEL,
    "mxpi_objectpostprocessor0": {**FILES, "postProcessLibPath": "libyolov3postprocess.so"},
    "mxpi_modelinfer0": {**MODEL, **FILES, "postProcessLibPath": "libMpYOLOv5PostProcessor.so"},
    "mxpi_dataserialize0": {"outputDataKeys": "mxpi_objectpostprocessor0"},
    "filesink0": {"location": "out.bin"},
}


def a_red_object(data):
    (found,) = json.loads(data)["MxpiObject"]
    return found["classVec"][0]["className"] == "red" and abs(found["x0"] - 32) < 1


def is_jpeg(data):
    return data.startswith(b"\xff\xd8")


def is_the_image(data):
    return is_jpeg(data)


def old(**props):
    return {"mxpi_dataserialize0": {"outputDataKeys": "mxpi_modelinfer0"}, **props}


ROWS = [
    pytest.param(["appsrc0 appsink0"], {}, is_the_image, id="appsrc, appsink"),
    pytest.param(["appsrc0 tee0 queue0 appsink0", "tee0 fakesink0"], {}, is_the_image, id="tee, queue, fakesink"),
    pytest.param(["appsrc0 tee0 filesink0", "tee0 appsink0"], {}, is_the_image, id="filesink"),
    pytest.param([f"{DETECT} mxpi_dataserialize0 appsink0"], {}, a_red_object, id="the new generation's chain"),
    pytest.param(
        ["appsrc0 mxpi_imagedecoder0 mxpi_imageresize0 mxpi_modelinfer0 mxpi_dataserialize0 appsink0"],
        old(mxpi_imageresize0={"resizeType": "Resizer_KeepAspectRatio_Fit"}),
        a_red_object,
        id="mxpi_modelinfer",
    ),
    pytest.param(
        [f"{DETECT} mxpi_dumpdata0 mxpi_loaddata0 mxpi_dataserialize0 appsink0"],
        {},
        a_red_object,
        id="mxpi_dumpdata, mxpi_loaddata",
    ),
    pytest.param(
        [f"{DETECT} mxpi_distributor0 mxpi_dataserialize0 appsink0", "mxpi_distributor0 fakesink0"],
        {
            "mxpi_dataserialize0": {"outputDataKeys": "mxpi_distributor0_0"},
            "mxpi_distributor0": {"classIds": "0,1|2"},
        },
        a_red_object,
        id="mxpi_distributor",
    ),
    pytest.param(
        [
            f"{DETECT} mxpi_object2osdinstances0 mxpi_opencvosd0:1",
            "mxpi_imagedecoder0 mxpi_opencvosd0:0 mxpi_imageencoder0 appsink0",
        ],
        {},
        is_jpeg,
        id="mxpi_object2osdinstances, mxpi_opencvosd, mxpi_imageencoder",
    ),
    pytest.param(["appsrc0 mxpi_skipframe0 appsink0"], {}, is_the_image, id="mxpi_skipframe"),
    pytest.param(
        [f"{DETECT} mxpi_imagecrop0 mxpi_imageencoder0 appsink0"],
        {"mxpi_imagecrop0": {"dataSourceImage": "mxpi_imagedecoder0"}},
        is_jpeg,
        id="mxpi_imagecrop",
    ),
]


@pytest.fixture
def folder(tiny_bundle, monkeypatch):
    path = tiny_bundle()
    monkeypatch.chdir(path)
    return path


@pytest.mark.parametrize("numerics", ["float", "board"])
@pytest.mark.parametrize(("chains", "props", "right"), ROWS)
def test_data_passes(folder, blob_jpeg, chains, props, right, numerics):
    names = {part.partition(":")[0] for chain in chains for part in chain.split()}
    own = {name: values for name, values in {**PROPS, **props}.items() if name in names}
    with running(*chains, numerics=numerics, **own) as manager:
        send(manager, blob_jpeg([(1, 2, 0)], 256, 256, cell=32))
        code, data = fetch(manager)
    assert code == 0 and right(data), data
    if "filesink0" in names:
        assert right((folder / "out.bin").read_bytes())


def test_video_passes(folder):
    chain = "appsrc0 mxpi_videodecoder0 mxpi_imageencoder0 appsink0"
    with running(chain) as manager:
        send(manager, h264.parameter_sets(128, 128) + h264.key_image(*h264.flat(90)))
        code, data = fetch(manager)
    assert code == 0 and is_jpeg(data)


def test_pulled_video_passes(folder):
    (folder / "a.h264").write_bytes(h264.parameter_sets(128, 128) + h264.key_image(*h264.flat(90)))
    chain = "mxpi_rtspsrc0 mxpi_videodecoder0 mxpi_imageencoder0 appsink0"
    with running(chain, mxpi_rtspsrc0={"rtspUrl": "a.h264"}) as manager:
        code, data = fetch(manager)
    assert code == 0 and is_jpeg(data)


def test_no_plugin_is_left_out():
    chains = [part for row in ROWS for chain in row.values[0] for part in chain.split()]
    tried = {part.partition(":")[0].rstrip("0123456789") for part in chains} | {"mxpi_videodecoder", "mxpi_rtspsrc"}
    tried |= {"mxpi_classpostprocessor", "mxpi_textgenerationpostprocessor"}  # plugins/test_post_processors.py
    tried |= {"mxpi_opencvcentercrop", "mxpi_imagenormalize"}  # plugins/test_mxpi_imagenormalize.py
    tried |= {"mxpi_osdinstancemerger", "mxpi_semanticsegpostprocessor"}  # plugins/**/test_mxpi_*.py
    assert tried == set(FACTORIES)
