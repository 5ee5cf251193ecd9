"""What the SDK accepts when it creates a stream and what it refuses, rule by rule, each with where the SDK has it.

The pipelines are this project's own, after the cases of the SDK's tests; rows name file and function in Vision SDK.
"""

import pytest

from tests.deploy.host.check.streams import INFER, OLD, POST, errors_of, stream, warnings_of

CHANNELS = "appsrc0 > channelselector0 > appsink0"
RULES = {"Type": "Area", "TopN": 1, "BottomN": 0, "MinArea": 0, "MaxArea": 0, "ConfThresh": 0.8}
SELECT = "appsrc0 > loaddata0 > objectselector0 > appsink0"
REGIONS = "appsrc0 > loaddata0 > roigenerator0 > fakesink0; roigenerator0 > fakesink1"
CROPS = "455, 0, 1010, 345|910, 0, 1465, 345"
QUALITY = "appsrc0 > imagedecoder0 > qualitydetection0 > appsink0"
SIZE = {"resizeHeight": "416", "resizeWidth": "416"}


def rules(**changes):
    return {"FirstDetectionFilter": {**RULES, **changes}}


def quality(**changes):
    return {"qualityDetectionConfigContent": {"FRAME_LIST_LEN": "20", **changes}}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            stream("appsrc0 > loaddata0 > imagecrop0 > appsink0", imagecrop0={"dataSource": "mxpi_modelinfer0"}),
            id="MxGstBase.cpp CheckDataSource: a key that mxpi_loaddata brings",
        ),
        pytest.param(
            stream("appsrc0 > imagedecoder0 > imageresize0 > appsink0", imageresize0={"dataSource": "nobody", **SIZE}),
            id="MxGstBase.cpp CheckDataSource: a key from nowhere",
        ),
        pytest.param(
            stream(
                "appsrc0 > imagedecoder0 > dumpdata0 > appsink0",
                dumpdata0={"filterMetaDataKeys": "ExternalObjects, MxstFrameExternalInfo, nobody"},
            ),
            id="MxpiBufferDump.cpp IsMetaDataKeyFilter: the SDK's own keys, blanks, a key from nowhere",
        ),
        pytest.param(
            stream("appsrc0 > loaddata0 > dataserialize0 > appsink0", dataserialize0={"outputDataKeys": "any_0"}),
            id="MxpiDataSerialize.cpp Init: a key that mxpi_loaddata brings",
        ),
        pytest.param(stream("appsrc0 > dataserialize0 > appsink0"), id="MxpiDataSerialize.cpp: a default"),
        pytest.param(stream(CHANNELS), id="MxpiChannelSelector.cpp DefineProperties: channel 0"),
        pytest.param(
            stream("appsrc0 > channelosdcoordsconverter0:0; appsrc1 > channelosdcoordsconverter0:1 > appsink0"),
            id="MxpiChannelOsdCoordsConverter.cpp DefineProperties: channel 0",
        ),
        pytest.param(
            stream(
                "appsrc0 > tensorinfer0:0; appsrc1 > tensorinfer0:1 > appsink0",
                tensorinfer0={**INFER, "dataSource": " appsrc0 , appsrc1"},
            ),
            id="MxpiTensorInfer.cpp CheckInputPortsStatus: SplitWithRemoveBlank",
        ),
        pytest.param(
            stream(
                "appsrc0 > loaddata0 > distributor0 > appsink0; distributor0 > appsink1",
                distributor0={"dataSource": "mxpi_modelinfer0", "classIds": " 2 | 15 , 16 | 19"},
            ),
            id="MxpiDistributor.cpp CheckProperty: SplitWithRemoveBlank",
        ),
        pytest.param(
            stream(
                "appsrc0 > loaddata0 > classpostprocessor0 > appsink0",
                classpostprocessor0={"postProcessLibPath": "libresnet50postprocess.so"},
            ),
            id="PostProcessBase.cpp LoadConfigData: no config is a warning",
        ),
        pytest.param(
            stream("appsrc0 > imagedecoder0 > imageresize0 > appsink0", device="", imagedecoder0={"deviceId": "1"}),
            id="MxsmElement.cpp SetElementProperties: a device of its own where stream_config has none",
        ),
        pytest.param(
            stream("appsrc0 > queue0 > appsink0", appsrc0={"duration": "18446744073709551615", "min-latency": "-1"}),
            id="MxsmElement.cpp ValidateElementSingleProperty: legal values of what is filtered out",
        ),
        pytest.param(
            '{"s": {"appsrc0": {"factory": "appsrc", "next": "appsink0"}, "appsrc0": {"factory": "appsrc", "next": '
            '"appsink0"}, "appsink0": {"factory": "appsink"}}}',
            id="nlohmann::json: of equal keys the last counts",
        ),
        pytest.param(
            stream("appsrc0 > appthing0 > appsink0", appthing0={"dataSource": "x", "own": "1"}),
            id="MxsmElement.cpp ValidateElementFactory: a plugin that an app registers",
        ),
        pytest.param(stream(SELECT, objectselector0=rules()), id="MxpiObjectSelector.cpp Init"),
        pytest.param(
            stream(REGIONS, roigenerator0={"splitType": "Custom", "cropRoi": CROPS, "mergeRoi": CROPS}),
            id="MxpiRoiGenerator.cpp StringToCropBoxVec: blanks around numbers",
        ),
        pytest.param(stream(QUALITY, qualitydetection0=quality()), id="MxpiQualityDetection.cpp LoadConfig"),
        pytest.param(
            stream("appsrc0 > dumpdata0 > queue0 > loaddata0 > imageresize0 > appsink0", imageresize0=SIZE),
            id="MxGstBase.cpp SetDefaultDataSourceKey: mxpi_loaddata answers",
        ),
        pytest.param(
            stream(
                "appsrc0 > loaddata0 > objectpostprocessor0 > appsink0",
                objectpostprocessor0={**POST, "dataSource": "mxpi_tensorinfer0"},
            ),
            id="MxImagePostProcessorBase.cpp DefineInputPorts: mxpi_loaddata gives anything",
        ),
        pytest.param(
            stream(
                "appsrc0 > imagedecoder0 > imageresize0 > modelinfer0 > appsink0",
                imageresize0={"resizeHeight": "300", "resizeWidth": "300"},
                modelinfer0=OLD,
            ),
            id="MxpiModelVisionInfer.cpp CheckImageAlignInfo: a model that crops the aligned image",
        ),
        pytest.param(
            stream("appsrc0 > appsink0", appsrc0={"min-latency": "18446744073709551615"}),
            id="gstvalue.c gst_value_deserialize_int_helper: all bits set is -1",
        ),
        pytest.param(
            stream(
                "appsrc0 > loaddata0 > videoencoder0 > appsink0",
                videoencoder0={"dataSource": "x", "ipProp": "0", "frameReleaseTimeOut": "0", "imageWidth": "0x780"},
            ),
            id="MxpiVideoEncoder.cpp DefineProperties: both begin at 0",
        ),
        pytest.param(
            stream(
                "rtspsrc0 > videodecoder0 > appsink0",
                rtspsrc0={"rtspUrl": "rtsp://camera/1"},
                videodecoder0={"inputVideoFormat": "AUTO", "outputImageFormat": "BGR_888"},
            ),
            id="MxpiVideoDecoder.cpp SetDvppVideoFormat: what mxpi_rtspsrc says comes first",
        ),
    ],
)
def test_accepted(document, tmp_path):
    assert errors_of(document, tmp_path) == []


NO_SOURCE = "is left out, and nothing stands behind"


@pytest.mark.parametrize(
    ("document", "code", "sentence"),
    [
        pytest.param(stream("appsrc0 > imageresize0 > fakesink0", imageresize0=SIZE), 6003, NO_SOURCE,
                     id="MxpiImageResize.cpp Init"),
        pytest.param(stream("appsrc0 > queue0 > tee0 > imageresize0 > fakesink0", imageresize0=SIZE), 6003, NO_SOURCE,
                     id="MxGstBase.cpp HandleCustomQuery: through queue and tee"),
        pytest.param(stream("appsrc0 > modelinfer0 > fakesink0", modelinfer0=OLD), 6003, NO_SOURCE,
                     id="MxpiModelInfer.cpp Init"),
        pytest.param(stream("appsrc0 > distributor0 > fakesink0", distributor0={"classIds": "1"}), 6003, NO_SOURCE,
                     id="MxpiDistributor.cpp Init"),
        pytest.param(stream("appsrc0 > imageencoder0 > fakesink0"), 6003, NO_SOURCE, id="MxpiImageEncoder.cpp Init"),
        pytest.param(stream("appsrc0 > videoencoder0 > fakesink0"), 6003, NO_SOURCE, id="MxpiVideoEncoder.cpp Init"),
        pytest.param(stream("appsrc0 > imagecrop0 > fakesink0"), 6003, NO_SOURCE, id="MxpiImageCrop.cpp InitConfig"),
        pytest.param(stream("appsrc0 > classpostprocessor0 > fakesink0", classpostprocessor0=POST), 6003, NO_SOURCE,
                     id="MxModelPostProcessorBase.cpp Init"),
        pytest.param(stream("appsrc0 > loaddata0 > facealignment0:0; appsrc1 > facealignment0:1 > fakesink0"), 6003,
                     "dataSourceKeyPoint is left out", id="MxpiFaceAlignment.cpp Init: port 1"),
        pytest.param(stream("appsrc0 > nmsoverlapedroiV20:0; appsrc1 > loaddata0 > nmsoverlapedroiV20:1 > fakesink0"),
                     6003, "dataSourceBlock is left out", id="MxpiNmsOverlapedRoiV2.cpp Init: port 0"),
        pytest.param(stream("appsrc0 > motsimplesortV20:0; appsrc1 > motsimplesortV20:1 > fakesink0",
                            motsimplesortV20={"dataSourceDetection": "x"}),
                     6003, "dataSourceFeature is left out", id="MxpiMotSimpleSortV2.cpp JudgeUsage: port 1"),
        pytest.param(stream("appsrc0 > loaddata0 > imageresize0 > fakesink0", imageresize0={"dataSource": ""}), 6003,
                     "is empty", id="MxPluginsUtils.cpp MxPluginsGetDataSource: an empty text"),
        pytest.param(stream("appsrc0 > appsink0", appsrc0={"format": ""}), 6015, "format is",
                     id="MxsmElement.cpp ValidateDefaultProperty"),
        pytest.param(stream("appsrc0 > appsink0", appsrc0={"duration": {}}), 6015, "duration is",
                     id="MxsmElement.cpp ValidateElementSingleProperty: an object for a number"),
        pytest.param(stream(CHANNELS, channelselector0={"channelIds": "32"}), 6003, "go from 0 to 31",
                     id="MxpiChannelSelector.cpp IsValidChannelIds: beyond 31"),
        pytest.param(stream(CHANNELS, channelselector0={"channelIds": "1,1"}), 6003, "twice",
                     id="MxpiChannelSelector.cpp IsValidChannelIds: twice"),
        pytest.param(stream(CHANNELS, channelselector0={"channelIds": "a"}), 6003, "after commas",
                     id="MxpiChannelSelector.cpp Init: SplitAndCastToInt"),
        pytest.param(stream(SELECT, objectselector0=rules(BottomN=1)), 6003, "both TopN and BottomN",
                     id="MxpiObjectSelector.cpp CheckParamsInput: both ends"),
        pytest.param(stream(SELECT, objectselector0=rules(MinArea=5)), 6003, "above MaxArea",
                     id="MxpiObjectSelector.cpp CheckParamsInput: areas"),
        pytest.param(stream(SELECT, objectselector0=rules(Type="Score")), 6003, 'there is "Area" only',
                     id="MxpiObjectSelector.cpp CheckParamsInput: type"),
        pytest.param(stream(SELECT, objectselector0=rules(TopN="three")), 6003, "it is a number",
                     id="MxpiObjectSelector.cpp Init: a text for a number"),
        pytest.param(stream(SELECT), 6015, "FirstDetectionFilter", id="MxpiObjectSelector.cpp Init: not set"),
        pytest.param(stream(f"{REGIONS}; roigenerator0 > fakesink2"), 6003, "3 outputs",
                     id="MxpiRoiGenerator.cpp JudgeUsage"),
        pytest.param(stream(REGIONS, roigenerator0={"splitType": "Custom", "cropRoi": CROPS, "mergeRoi": "1,2,3,4"}),
                     6003, "1 box(es), cropRoi 2", id="MxpiRoiGenerator.cpp CheckCropRoiAndMergeRoi: counts"),
        pytest.param(stream(REGIONS, roigenerator0={"splitType": "Custom", "cropRoi": CROPS, "mergeRoi":
                            "0,0,1010,345|910,0,1465,345"}),
                     6003, "beyond box 0", id="MxpiRoiGenerator.cpp CheckCropRoiAndMergeRoi: inside"),
        pytest.param(stream(REGIONS, roigenerator0={"splitType": "Custom", "cropRoi": "5,5,1,1", "mergeRoi": CROPS}),
                     6003, "x0 < x1", id="MxpiRoiGenerator.cpp CheckRoiBox"),
        pytest.param(stream(REGIONS, roigenerator0={"blockHeight": "100", "overlapHeight": "100"}), 6003,
                     "less than blockHeight", id="MxpiRoiGenerator.cpp JudgeSplitType"),
        pytest.param(stream(QUALITY, qualitydetection0=quality(FRAME_LIST_LEN="1")), 6003, "2 or more",
                     id="MxpiQualityDetection.cpp CheckImageDectParams: length"),
        pytest.param(stream(QUALITY, qualitydetection0=quality(BLUR_FRAME_INTERVAL="20")), 6003, "1 to 19",
                     id="MxpiQualityDetection.cpp IsValidInterval"),
        pytest.param(stream(QUALITY, qualitydetection0=quality(VIEW_SHAKE_THRESHOLD="5")), 6003, "10 to 100",
                     id="MxpiQualityDetection.cpp CheckVideoDectParams"),
        pytest.param(stream(QUALITY), 6003, "neither", id="MxpiQualityDetection.cpp Init: no config"),
        pytest.param(stream("appsrc0 > loaddata0 > distributor0 > fakesink0", distributor0={"channelIds": "0,1"}), 6003,
                     "2 group(s) for 1", id="MxpiDistributor.cpp CheckProperty"),
        pytest.param(stream("appsrc0 > tensorinfer0 > appsink0", tensorinfer0={**INFER, "dataSource": "a,b"}), 6003,
                     "names 2 source(s); 1", id="MxpiTensorInfer.cpp CheckInputPortsStatus"),
        pytest.param(stream("appsrc0 > imagedecoder0 > imagecrop0 > imagedecoder1 > appsink0"), 6006,
                     "takes image/jpeg", id="MxsmElement.cpp PerformLink: types of ports"),
        pytest.param(stream("appsrc0 > dataserialize0 > imageresize0 > appsink0", imageresize0=SIZE), 6006,
                     "hands on result/json-result", id="MxpiDataSerialize.cpp DefineOutputPorts"),
        pytest.param(stream("appsrc0 > imagedecoder0 > appsink0; imagedecoder0 > appsink1"), 6006, "put a tee",
                     id="MxsmElement.cpp GetSrcPadName: one output"),
        pytest.param(stream("appsrc0 > loaddata0 > tee0 > class2osdinstances0:0; tee0 > class2osdinstances0:1; tee0 > "
                            "class2osdinstances0:2 > appsink0"), 6003, "takes 2", id="MxpiClass2OsdInstances.cpp Init"),
        pytest.param(stream("appsrc0 > loaddata0 > opencvcentercrop0 > appsink0"), 6003, "cropHeight is not set",
                     id="MxpiOpencvCenterCrop.cpp Init"),
        pytest.param(stream("appsrc0 > loaddata0 > imagenormalize0 > appsink0",
                            imagenormalize0={"alpha": "0,0,0", "beta": "1,0,1"}), 6003, "to divide by",
                     id="MxpiImageNormalize.cpp: beta"),
        pytest.param(stream("appsrc0 > loaddata0 > imageresize0 > appsink0", imageresize0={"minDimension": "999"}),
                     6003, "above maxDimension", id="MxpiImageResize.cpp Init: dimensions"),
        pytest.param(stream("appsrc0 > loaddata0 > classpostprocessor0 > appsink0"), 6003, "postProcessLibPath is not",
                     id="MxModelPostProcessorBase.cpp OpenPostProcessLib"),
        pytest.param(stream("appsrc0 > loaddata0 > objectpostprocessor0 > appsink0",
                            objectpostprocessor0={"postProcessLibPath": "libyolov3postprocess.so"}), 6003,
                     "so CLASS_NUM is missing", id="ObjectPostProcessBase.cpp GetObjectConfigData"),
        pytest.param(stream("appsrc0 > imagedecoder0 > appsink0", imagedecoder0={"deviceId": "1"}), 6015,
                     'the stream has deviceId "0"', id="MxsmElement.cpp SetStreamDeviceId"),
        pytest.param(stream("appsrc0 > loaddata0 > videoencoder0 > appsink0",
                            videoencoder0={"dataSource": "x", "outputFormat": "VP9"}), 6003, "none of H264, H265",
                     id="MxpiVideoEncoder.cpp CheckParam: a format is a text, which only Init looks at"),
        pytest.param(stream("appsrc0 > videodecoder0 > appsink0", videodecoder0={"inputVideoFormat": "VP9"}), 0,
                     "fails with the first buffer", id="MxpiVideoDecoder.cpp SetDvppVideoFormat: created all the same"),
        pytest.param(stream("appsrc0 > fakesink0", appsrc0={"name": "a\nb"}), 6005, "control character",
                     id="StringUtils.cpp HasInvalidChar"),
    ],
)  # fmt: skip
def test_refused(document, code, sentence, tmp_path):
    assert [found for found in errors_of(document, tmp_path) if found[0] == code and sentence in found[1]]


def test_unknown_factories(tmp_path):
    """A warning, unless the app's plugins are declared: then what is neither the SDK's nor theirs is an error."""
    document = stream("appsrc0 > apptracker0 > appcounter0 > appsink0")
    assert errors_of(document, tmp_path) == []
    assert ["--plugins apptracker" in one for one in warnings_of(document, tmp_path)] == [True, False]
    ((code, sentence),) = errors_of(document, tmp_path, plugins=["apptracker"])
    assert (code, '"appcounter"' in sentence) == (6014, True)
    assert errors_of(document, tmp_path, plugins=["apptracker", "appcounter"]) == []
    assert len(errors_of(document, tmp_path, plugins=[])) == 2


@pytest.mark.parametrize(
    ("element", "sentence"),
    [
        pytest.param({"former": "appsrc0"}, '"former" is no key of an element', id="ValidateElementKeys"),
        pytest.param({"props": {"frames": 5}}, 'frames is 5; write every property as a string, like "5"',
                     id="ValidateElementProperties: a number"),
        pytest.param({"props": {"names": ["a"]}}, 'names is ["a"]', id="ValidateElementProperties: a list"),
        pytest.param({"props": {"anything": "5", "whole": {"a": 1}}}, "", id="texts and objects"),
    ],
)  # fmt: skip
def test_plugins_of_an_app(element, sentence, tmp_path):
    document = stream("appsrc0 > apptracker0 > appsink0")
    document["s"]["apptracker0"].update(element)
    found = errors_of(document, tmp_path, plugins=["apptracker"])
    assert [(code, sentence in text) for code, text in found] == ([(6015, True)] if sentence else [])


@pytest.mark.parametrize(
    ("factory", "slip"),
    [("mxpi_imageresze", True), ("mxpi_dataserialise", True), ("mxpi_nmsoverlapedroi", False), ("mxpi_tracker", False)],
)
def test_a_letter_wrong_is_no_plugin_of_an_app(factory, slip, tmp_path):
    document = stream("appsrc0 > x0 > appsink0")
    document["s"]["x0"]["factory"] = factory
    assert [code for code, _ in errors_of(document, tmp_path)] == ([6014] if slip else [])


@pytest.mark.parametrize(
    ("factory", "suggestion"),
    [
        pytest.param("mxpi_imgdecoder", "mxpi_imagedecoder", id="near one of the SDK's"),
        pytest.param("mxpi_sampleplugin", "", id="alike in what all names begin with"),
        pytest.param("imagedecoder", "mxpi_imagedecoder", id="without the beginning"),
    ],
)
def test_suggested_factories(factory, suggestion, tmp_path):
    document = stream("appsrc0 > x0 > appsink0")
    document["s"]["x0"]["factory"] = factory
    (sentence,) = [one for one in warnings_of(document, tmp_path) if factory in one]
    assert (f'did you mean "{suggestion}"' in sentence) if suggestion else ("did you mean" not in sentence)


def test_names_that_a_plugin_of_an_app_may_write_under(tmp_path):
    """`apptracker0_boxes` behind a plugin of somebody's own is no misspelling; behind the SDK's own it is."""
    props = {"imageresize0": {**SIZE, "dataSource": "{}_boxes"}}
    for before, warned in (("apptracker0", False), ("imagedecoder0", True)):
        props["imageresize0"]["dataSource"] = f"{before}_boxes"
        told = warnings_of(stream(f"appsrc0 > {before} > imageresize0 > appsink0", **props), tmp_path)
        assert any("_boxes" in sentence for sentence in told) is warned


def test_sides_of_an_encoder_that_one_chip_takes(tmp_path):
    document = stream("appsrc0 > loaddata0 > videoencoder0 > appsink0", videoencoder0={"imageWidth": "3840"})
    assert any("1920 at most" in sentence for sentence in warnings_of(document, tmp_path))


def test_a_bundle_has_no_plugins_of_its_own(tmp_path):
    (tmp_path / "bundle.json").write_text("{}")
    ((code, _),) = errors_of(stream("appsrc0 > apptracker0 > appsink0"), tmp_path)
    assert code == 6014


@pytest.mark.parametrize(
    ("location", "warned"),
    [
        pytest.param("/etc/passwd", True, id="absolute"),
        pytest.param("C:\\x", True, id="a drive"),
        pytest.param("../x", True, id="above"),
        pytest.param("a/../../x", True, id="above by a detour"),
        pytest.param("~/x", True, id="home"),
        pytest.param("out/x.json", False, id="inside"),
        pytest.param("./a/../x", False, id="inside by a detour"),
    ],
)
@pytest.mark.parametrize("factory", ["filesink", "dumpdata"])
def test_what_writes_outside(factory, location, warned, tmp_path):
    chain = "appsrc0 > filesink0" if factory == "filesink" else "appsrc0 > dumpdata0 > appsink0"
    found = warnings_of(stream(chain, **{f"{factory}0": {"location": location}}), tmp_path)
    assert any("outside the folder" in one for one in found) is warned
