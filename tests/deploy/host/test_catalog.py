"""The catalog: what it knows, and that each entry agrees with itself and with the plugins."""

import pytest

from deploy.host.catalog import CATALOG, properties_of
from deploy.host.catalog.properties import LATER, SDK2, property_faults
from deploy.host.engine.factories import FACTORIES

NAMED_IN_THE_SDK = [
    "appsrc",
    "appsink",
    "fakesink",
    "filesink",
    "queue",
    "tee",
    "mxpi_imagedecoder",
    "mxpi_imageresize",
    "mxpi_imagecrop",
    "mxpi_tensorinfer",
    "mxpi_modelinfer",
    "mxpi_objectpostprocessor",
    "mxpi_classpostprocessor",
    "mxpi_semanticsegpostprocessor",
    "mxpi_dataserialize",
    "mxpi_dumpdata",
    "mxpi_loaddata",
    "mxpi_distributor",
    "mxpi_rtspsrc",
    "mxpi_videodecoder",
    "mxpi_videoencoder",
    "mxpi_imageencoder",
    "mxpi_object2osdinstances",
    "mxpi_opencvosd",
    "mxpi_skipframe",
    "mxpi_roigenerator",
    "mxpi_nmsoverlapedroiV2",
    "mxpi_motsimplesortV2",
]


@pytest.mark.parametrize("name", NAMED_IN_THE_SDK)
def test_known_factories(name):
    assert CATALOG[name].name == name


@pytest.mark.parametrize("name", CATALOG)
def test_defaults_are_legal(name):
    """Every default passes the check that a file's value has to pass."""
    table = {key: known for key, known in CATALOG[name].properties.items() if not known.read_only}
    defaults = {key: known.default for key, known in table.items() if known.default or not known.required}
    required = {key: "1" for key, known in table.items() if known.required and not known.default}
    assert not list(property_faults(name, {**defaults, **required}, table))


def test_what_runs_here_is_known_and_not_board_only():
    for name, plugin in FACTORIES.items():
        assert name in CATALOG
        assert not CATALOG[name].board_only, name
        assert name == "scripted" or properties_of(name) == plugin.PROPERTIES, name


@pytest.mark.parametrize(
    ("factory", "name", "default"),
    [
        ("appsrc", "blocksize", "4096"),
        ("queue", "max-size-buffers", "200"),
        ("queue", "leaky", "0"),
        ("mxpi_imagedecoder", "imageFormat", "jpg"),
        ("mxpi_imageresize", "resizeType", "Resizer_Stretch"),
        ("mxpi_imageresize", "minDimension", "224"),
        ("mxpi_imageresize", "scaleValue", "32"),
        ("mxpi_tensorinfer", "waitingTime", "5000"),
        ("mxpi_modelinfer", "checkImageAlignInfo", "on"),
        ("mxpi_objectpostprocessor", "funcLanguage", "c++"),
        ("mxpi_dataserialize", "eraseHeaderVecFlag", "1"),
        ("mxpi_dumpdata", "dumpMemoryData", "true"),
        ("mxpi_distributor", "distributeAll", "no"),
        ("mxpi_videoencoder", "iFrameInterval", "30"),
        ("mxpi_imageencoder", "encodeLevel", "100"),
        ("mxpi_object2osdinstances", "fontScale", "1.0"),
    ],
)
def test_defaults(factory, name, default):
    assert CATALOG[factory].properties[name].default == default


@pytest.mark.parametrize(
    ("factory", "name", "value", "code"),
    [
        pytest.param("mxpi_imagedecoder", "imageFormat", "png", 2019, id="image format"),
        pytest.param("mxpi_imageresize", "resizeWidth", "4097", 2020, id="width"),
        pytest.param("mxpi_imageresize", "resizeHeight", "4097", 2021, id="height"),
        pytest.param("mxpi_imageresize", "resizeWidth", "wide", 2020, id="no number"),
        pytest.param("mxpi_imageresize", "resizeType", "Resizer_Fit", 6015, id="resize type"),
        pytest.param("mxpi_imageresize", "RGBValue", "114", 6015, id="one channel"),
        pytest.param("mxpi_imageresize", "paddingColorR", "256", 6015, id="too bright"),
        pytest.param("mxpi_imageresize", "RGBValue", "114,114,256", 6015, id="too bright a channel"),
        pytest.param("mxpi_imageresize", "interpolation", "5", 6015, id="interpolation"),
        pytest.param("mxpi_tensorinfer", "waitingTime", "0", 6015, id="waiting time"),
        pytest.param("mxpi_object2osdinstances", "colorMap", "255,0,0|0", 6015, id="colours"),
        pytest.param("queue", "leaky", "3", 6015, id="leaky"),
        # what the SDK filters out is held against GStreamer's types all the same: MxsmElement.cpp,
        # ValidateElementSingleProperty and the functions that it calls
        pytest.param("appsrc", "duration", "18446744073709551616", 6015, id="ValidateUint64Property: beyond 64 bits"),
        pytest.param("appsrc", "duration", "-1", 6015, id="ValidateUint64Property: a sign"),
        pytest.param("appsrc", "format", "", 6015, id="ValidateDefaultProperty: an empty enumeration"),
        pytest.param("appsrc", "format", "frames", 6015, id="gst_value_deserialize: no such word"),
        pytest.param("appsrc", "min-latency", "", 6015, id="ValidateInt64Property: empty"),
        pytest.param("appsrc", "min-latency", "-2", 6015, id="ValidateInt64Property: below the least"),
        pytest.param("appsrc", "min-percent", "101", 6015, id="ValidateUintProperty: beyond the most"),
        pytest.param("appsrc", "is-live", "maybe", 6015, id="gst_value_deserialize: no truth"),
        pytest.param("queue", "max-size-bytes", "-1", 6015, id="ValidateUintProperty: a sign"),
        pytest.param("mxpi_imageresize", "deviceId", "-2", 6015, id="MxPluginGenerator.h: -1 or more"),
    ],
)
def test_illegal_values(factory, name, value, code):
    required = {key: "x" for key, known in CATALOG[factory].properties.items() if known.required}
    faults = list(property_faults(factory, {**required, name: value}, CATALOG[factory].properties))
    assert [(fault.name, fault.code) for fault in faults] == [(name, code)]
    assert value in faults[0].sentence


@pytest.mark.parametrize(
    ("factory", "name", "value"),
    [
        pytest.param("appsrc", "duration", "18446744073709551615", id="ValidateUint64Property: the most"),
        pytest.param("appsrc", "format", "time", id="gst_value_deserialize: a word of the enumeration"),
        pytest.param("appsrc", "min-latency", "-1", id="ValidateInt64Property: -1"),
        pytest.param("appsrc", "is-live", "Yes", id="gst_value_deserialize_boolean: any case"),
        pytest.param("queue", "leaky", "downstream", id="gst_value_deserialize: a word"),
        pytest.param(
            "mxpi_distributor", "classIds", " 2 | 15 , 16 | 19", id="MxpiDistributor.cpp: SplitWithRemoveBlank"
        ),
        pytest.param("mxpi_dataserialize", "outputDataKeys", "", id="MxpiDataSerialize.cpp: DefineProperties"),
        pytest.param("mxpi_roigenerator", "splitType", "Blocks", id="MxpiRoiGenerator.cpp: Init falls back"),
    ],
)
def test_legal_values(factory, name, value):
    required = {key: "x" for key, known in CATALOG[factory].properties.items() if known.required}
    assert not list(property_faults(factory, {**required, name: value}, CATALOG[factory].properties))


@pytest.mark.parametrize(("factory", "name"), [("appsrc", "current-level-bytes"), ("tee", "num-src-pads")])
def test_what_can_only_be_read(factory, name):
    """MxsmElement.cpp, ValidateElementSingleProperty: the property has to be writable."""
    (fault,) = property_faults(factory, {name: "1"}, CATALOG[factory].properties)
    assert (fault.name, fault.code) == (name, 6015)


@pytest.mark.parametrize(
    ("factory", "left_out"),
    [
        pytest.param("mxpi_dataserialize", "outputDataKeys", id="MxpiDataSerialize.cpp: empty"),
        pytest.param("mxpi_channelselector", "channelIds", id="MxpiChannelSelector.cpp: 0"),
        pytest.param("mxpi_channelimagesstitcher", "channelIds", id="MxpiChannelImagesStitcher.cpp: 0"),
    ],
)
def test_properties_with_a_default(factory, left_out):
    assert not list(property_faults(factory, {}, CATALOG[factory].properties)), left_out


@pytest.mark.parametrize(
    ("factory", "name", "since"),
    [
        pytest.param("mxpi_imageresize", "parentName", SDK2, id="the original application's"),
        pytest.param("mxpi_imageresize", "resizeType", SDK2, id="the original application's too"),
        pytest.param("mxpi_imageresize", "RGBValue", LATER, id="came later"),
        pytest.param("mxpi_imageresize", "interpolation", LATER, id="came later too"),
        pytest.param("mxpi_imagedecoder", "cvProcessor", LATER, id="the new name"),
        pytest.param("mxpi_imagedecoder", "handleMethod", SDK2, id="the old name"),
        pytest.param("mxpi_dataserialize", "eraseHeaderVecFlag", LATER, id="serialisation"),
    ],
)
def test_generations(factory, name, since):
    assert CATALOG[factory].properties[name].since == since


def test_natives_are_filtered_but_for_a_few():
    through = set()
    for name in ("appsrc", "appsink", "queue", "tee"):
        through |= {key for key, known in CATALOG[name].properties.items() if not known.filtered}
    assert through == {"blocksize", "max-bytes", "max-size-buffers", "leaky", "name", "parent"}
