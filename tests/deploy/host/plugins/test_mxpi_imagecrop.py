"""Cropping: the objects of an image as images of their own."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.host.api import MxDataInput, StreamManagerApi
from deploy.host.catalog.properties import read_properties
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import BGR888, NV12, Image, Images, Objects
from deploy.host.numerics import BOARD, FLOAT, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, OBJECTS, Plugin
from deploy.host.plugins.mxpi_imagecrop import ImageCrop
from deploy.postprocess.resize_types import FAST_RCNN, FIT, ONLY_PADDING
from deploy.sdk_codes import SdkFault

PIXELS = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
PLANES = np.random.default_rng(0).integers(0, 256, (180, 160), np.uint8)


SAME_POINTS = {"autoDetectFrame": "0", **{f"cropPoint{name}": "5" for name in ("x0", "y0", "x1", "y1")}}


class Source(Plugin):
    def __init__(self, name, produces, size=None):
        super().__init__(Element(name, "", {}))
        self.produces = produces
        self.input_size = size


UPSTREAM = [Source("dec0", IMAGE), Source("resize0", IMAGE), Source("post0", OBJECTS)]


def cropper(numerics=FLOAT, downstream=(), upstream=UPSTREAM, **props):
    values = read_properties("s.crop0", "mxpi_imagecrop", props, ImageCrop.PROPERTIES)
    with applied(numerics):
        plugin = ImageCrop(Element("crop0", "mxpi_imagecrop", values))
    plugin.connect(upstream, downstream)
    return plugin


def crop(*boxes, numerics=FLOAT, pixels=PIXELS, kind=BGR888, host=False, **props):
    detections = np.array([[*box, 0.9, 0] for box in boxes], np.float32).reshape(-1, 6)
    image = Image(pixels, 160, 120, 160, 120, format=kind, host=host)
    frame = Frame(b"", {"dec0": Images([image])})
    if boxes:
        frame.metadata["post0"] = Objects(detections, ["x"] * len(boxes), "infer0")
    cropper(numerics, **props).process(frame)
    return frame.metadata.get("crop0")


def test_each_object_is_an_image():
    first, second = crop((10, 20, 50, 40), (65.9, 31.2, 110.9, 80.9))
    np.testing.assert_array_equal(first.pixels, PIXELS[20:40, 10:50])
    # near edges are forced even, far ones odd and inclusive
    np.testing.assert_array_equal(second.pixels, PIXELS[30:80, 64:110])
    assert (second.width, second.height, second.source_width, second.source_height) == (46, 50, 45, 49)
    assert [image.headers[0][:2] for image in (first, second)] == [("post0", 0), ("post0", 1)]
    assert (second.width_aligned, second.height_aligned) == (48, 50)


def test_nv12_takes_its_chroma_along():
    (image,) = crop((10, 20, 50, 40), numerics=BOARD, pixels=PLANES, kind=NV12)
    np.testing.assert_array_equal(image.pixels[:20], PLANES[20:40, 10:50])
    np.testing.assert_array_equal(image.pixels[20:], PLANES[130:140, 10:50])


def test_stretched_to_a_size():
    (image,) = crop((10, 20, 50, 40), resizeWidth="64", resizeHeight="32")
    np.testing.assert_array_equal(image.pixels, cv2.resize(PIXELS[20:40, 10:50], (64, 32)))
    assert (image.resize_type, image.ratio) == (0, 0.0)


@pytest.mark.parametrize(
    ("props", "kind", "content", "ratio"),
    [
        pytest.param({"resizeType": "Resizer_KeepAspectRatio_Fit"}, FIT, (0, 0, 64, 32), 1.6, id="fit"),
        pytest.param(
            {"resizeType": "Resizer_KeepAspectRatio_Fit", "paddingType": "Padding_Around"},
            FIT, (0, 16, 64, 32), 1.6, id="centred",
        ),
        pytest.param({"resizeType": "Resizer_OnlyPadding"}, ONLY_PADDING, (0, 0, 40, 20), 1.0, id="only padding"),
        pytest.param(
            {"resizeType": "Resizer_OnlyPadding", "paddingType": "Padding_Around"},
            ONLY_PADDING, (16, 22, 36, 20), 1.0, id="padded around: the left edge goes up to a multiple of 16",
        ),
        pytest.param(
            {"resizeType": "Resizer_KeepAspectRatio_FastRCNN", "minDimension": "32", "maxDimension": "60"},
            FAST_RCNN, (0, 0, 60, 30), 1.5, id="FastRCNN on its own canvas",
        ),
    ],
)  # fmt: skip
def test_placed_on_a_canvas(props, kind, content, ratio):
    (image,) = crop((10, 20, 50, 40), resizeWidth="64", resizeHeight="64", RGBValue="1,2,3", **props)
    assert image.pixels.shape == (64, 64, 3)
    left, top, width, height = content
    part = PIXELS[20:40, 10:50]
    expected = part if (width, height) == (40, 20) else cv2.resize(part, (width, height))
    np.testing.assert_array_equal(image.pixels[top : top + height, left : left + width], expected)
    outside = image.pixels.copy()
    outside[top : top + height, left : left + width] = (3, 2, 1)
    assert (outside == (3, 2, 1)).all()
    assert (image.resize_type, image.ratio) == (kind, pytest.approx(ratio))


def test_boxes_grow_and_stay_inside():
    (image,) = crop((40, 40, 80, 60), leftExpandRatio="0.25", rightExpandRatio="0.5", upExpandRatio="0.1")
    np.testing.assert_array_equal(image.pixels, PIXELS[38:60, 30:100])
    (image,) = crop((2, 2, 42, 100), leftExpandRatio="1", downExpandRatio="1")
    np.testing.assert_array_equal(image.pixels, PIXELS[2:120, 0:42])


def test_given_points_need_no_objects():
    points = {"cropPointx0": "10, 60", "cropPointy0": "20,30", "cropPointx1": "50,100", "cropPointy1": "40,50"}
    first, second = crop(autoDetectFrame="0", **points)
    np.testing.assert_array_equal(first.pixels, PIXELS[20:40, 10:50])
    np.testing.assert_array_equal(second.pixels, PIXELS[30:50, 60:100])


def test_without_objects_the_buffer_passes_without_images():
    assert crop() is None


def test_objects_that_are_too_small_are_left_out():
    (image,) = crop((10, 20, 30, 40), (10, 20, 50, 40), (10, 20, 50, 25))
    assert image.headers[0].member_id == 1
    with pytest.raises(SdkFault, match=r"crop0: the crop width is 20 px") as caught:
        crop((10, 20, 30, 40))
    assert caught.value.code == 2001


def test_the_opencv_way_neither_aligns_nor_resizes():
    first, second = crop(
        (11, 21, 12, 22),
        (5, 5, 30, 31),
        (1, 1, 1, 9),
        host=True,
        cvProcessor="opencv",
        resizeWidth="64",
        resizeHeight="64",
    )
    np.testing.assert_array_equal(first.pixels, PIXELS[21:22, 11:12])
    np.testing.assert_array_equal(second.pixels, PIXELS[5:31, 5:30])
    assert [image.headers[0].member_id for image in (first, second)] == [0, 1]
    assert second.width_aligned == 0


@pytest.mark.parametrize(
    ("host", "processor", "word"), [(True, "ascend", "device"), (False, "opencv", "host")], ids=["ascend", "opencv"]
)
def test_the_two_ways_do_not_mix(host, processor, word):
    with pytest.raises(SdkFault, match=f"Memory type is not {word}") as caught:
        crop((10, 20, 50, 40), host=host, cvProcessor=processor)
    assert caught.value.code == 11002


@pytest.mark.parametrize(
    ("props", "sentence"),
    [
        pytest.param({"resizeType": "Resizer_KeepAspectRatio_Long"}, "knows Stretch", id="a type it does not have"),
        pytest.param({"resizeType": "Resizer_OnlyPadding", "resizeWidth": "32"}, "Error value", id="too small a net"),
        pytest.param({"resizeWidth": "4096"}, "resize width ratio", id="too large a scale"),
    ],
)
def test_what_vpc_cannot_do(props, sentence):
    with pytest.raises(SdkFault, match=sentence) as caught:
        crop((10, 20, 50, 40), **{"resizeWidth": "64", "resizeHeight": "64", **props})
    assert caught.value.code == 2001


def test_where_sizes_and_images_come_from():
    model = [Source("infer1", IMAGE, (64, 48))]
    plugin = cropper(downstream=model)
    assert plugin.output_size == (64, 48)
    assert plugin._image == "dec0"
    assert cropper(dataSourceImage="resize0")._image == "resize0"
    with pytest.raises(SdkFault, match="no element before it makes images"):
        cropper(upstream=UPSTREAM[2:])


@pytest.mark.parametrize(
    ("props", "code", "sentence"),
    [
        pytest.param({"cropType": "cropCenter"}, 2019, "it is cropCoordinate", id="another crop type"),
        pytest.param({"minDimension": "300"}, 1013, "more than maxDimension", id="dimensions"),
        pytest.param({"autoDetectFrame": "0", "cropPointx0": "1"}, 1004, "differ in number", id="too few points"),
        pytest.param({**SAME_POINTS, "cropPointy1": "x"}, 1004, "it is numbers", id="no number"),
        pytest.param(SAME_POINTS, 1004, "is no box", id="an empty box"),
    ],
)
def test_mistakes(props, code, sentence):
    with pytest.raises(SdkFault, match=sentence) as caught:
        cropper(**props)
    assert caught.value.code == code


def element(factory, following="", **props):
    return {"factory": factory, "props": props, **({"next": following} if following else {})}


@pytest.mark.parametrize("numerics", ["board", "float"])
def test_a_second_model_looks_at_each_object(tiny_bundle, blob_jpeg, tmp_path, monkeypatch, numerics):
    monkeypatch.chdir(tiny_bundle())
    (stream,) = json.loads(Path("detect.pipeline").read_text()).values()
    post = stream["mxpi_objectpostprocessor0"]
    grow = {f"{side}ExpandRatio": "0.5" for side in ("left", "right", "up", "down")}
    second = {"dataSource": "mxpi_tensorinfer1", "dataSourceResize": "mxpi_imagecrop0"}
    stream |= {
        "mxpi_objectpostprocessor0": {**post, "next": "mxpi_imagecrop0"},
        "mxpi_imagecrop0": element("mxpi_imagecrop", "mxpi_tensorinfer1", **grow),
        "mxpi_tensorinfer1": element("mxpi_tensorinfer", "post1", dataSource="mxpi_imagecrop0", modelPath="model.om"),
        "post1": {**post, "props": {**post["props"], **second}},
        "mxpi_dataserialize0": element("mxpi_dataserialize", "appsink0", outputDataKeys="post1"),
    }
    api = StreamManagerApi()
    api.SetNumerics(numerics)
    assert api.InitManager() == 0
    assert api.CreateMultipleStreams(json.dumps({"detection": stream})) == 0, api.LastError()
    data = MxDataInput()
    data.data = blob_jpeg([(1, 2, 0), (5, 5, 2)], 256, 256, cell=32)
    assert api.SendData("detection", 0, data) == 0
    result = api.GetResult("detection", 0, 10_000)
    api.DestroyAllStreams()
    assert result.errorCode == 0, result.data
    names = {found["classVec"][0]["className"] for found in json.loads(result.data)["MxpiObject"]}
    assert names == {"red", "blue"}
