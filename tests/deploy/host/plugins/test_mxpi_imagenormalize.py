"""Images normalised before a model: per channel, to a range, and as the SDK does it with BGR."""

import logging

import cv2
import numpy as np
import pytest

from deploy.host.exchange.structs import StringVector
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.messages import array_or_bytes, types
from deploy.host.metadata.values import BGR888, NV12, RGB888, Image, Images
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.host.plugins.mxpi_imagenormalize import ImageNormalize
from deploy.sdk_codes import SdkFault
from tests.deploy.host.plugins.test_mxpi_tensorinfer import save
from tests.deploy.host.wiring import NAME, running, send

KEY = "source0"
FLOAT = {"dataType": "FLOAT32"}
DEFAULTS = {"dataSource": "auto", "alpha": "0,0,0", "beta": "1,1,1", "format": "auto", "dataType": "auto"}
PIXEL = (10, 20, 40)  # in the order of the image's channels


def plugin(**values):
    made = ImageNormalize(Element("norm0", "mxpi_imagenormalize", {**DEFAULTS, "processType": "1", **values}))
    source = Plugin(Element(KEY, "", {}))
    source.produces = IMAGE
    made.connect([source], [])
    return made


def image(form=RGB888, dtype=np.uint8, host=True):
    pixels = np.tile(np.array(PIXEL, dtype), (2, 4, 1))
    return Image(pixels, 4, 2, 4, 2, resize_type=4, ratio=0.5, format=form, host=host)


def run(element, *images):
    frame = Frame(b"", {KEY: Images(images)})
    element.process(frame)
    return frame.metadata["norm0"]


@pytest.mark.parametrize(
    ("values", "form", "dtype", "pixel", "kind"),
    [
        pytest.param({}, RGB888, np.uint8, PIXEL, np.uint8, id="as it was"),
        pytest.param(
            {"alpha": "2, 4,8", "beta": "4,8,16", **FLOAT},
            RGB888,
            np.uint8,
            (2, 2, 2),
            np.float32,
            id="RGB",
        ),
        pytest.param(
            {"alpha": "8,4,2", "beta": "16,8,4", **FLOAT},
            BGR888,
            np.uint8,
            (2, 2, 2),
            np.float32,
            id="BGR",
        ),
        pytest.param({"alpha": "15,0,0", "beta": "1,16,0.1"}, RGB888, np.uint8, (0, 1, 255), np.uint8, id="saturated"),
        pytest.param({"beta": "4,8,16"}, RGB888, np.float32, (2.5, 2.5, 2.5), np.float32, id="float stays float"),
        pytest.param({"beta": "4,8,16"}, RGB888, np.uint8, (2, 2, 2), np.uint8, id="half to even"),
        pytest.param({"format": "BGR888"}, RGB888, np.uint8, PIXEL[::-1], np.uint8, id="another order"),
        pytest.param({"processType": "0", **FLOAT}, RGB888, np.uint8, (0, 1 / 3, 1), np.float32, id="to 0..1"),
        pytest.param({"processType": "0"}, RGB888, np.uint8, (0, 85, 255), np.uint8, id="to 0..255"),
    ],
)
def test_pixels(values, form, dtype, pixel, kind):
    (made,) = run(plugin(**values), image(form, dtype))
    assert made.pixels.dtype == kind and made.pixels.shape == (2, 4, 3)
    np.testing.assert_allclose(made.pixels[1, 3], pixel, rtol=1e-6, atol=1e-6)
    assert made.format == (BGR888 if values.get("format") else form)
    assert (made.resize_type, made.ratio, made.headers[0].data_source) == (0, 0, KEY)


def test_every_second_bgr_image_gets_the_numbers_of_the_other_order(caplog):
    """MxpiImageNormalize::SwitchAlphaAndBeta swaps the element's own numbers each time."""
    element = plugin(alpha="1,2,3")
    with caplog.at_level(logging.WARNING):
        made = [tuple(run(element, image(BGR888))[0].pixels[0, 0]) for _ in range(3)]
    assert made == [(7, 18, 39), (9, 18, 37), (7, 18, 39)]
    assert caplog.text.count("every second one") == 1


def test_an_image_that_it_cannot_take_is_left_out():
    element = plugin()
    found = run(element, image(host=False), image())
    assert len(found) == 1 and found[0].headers[0].member_id == 1
    with pytest.raises(SdkFault, match=r"^norm0: it takes images in the host's memory") as caught:
        run(element, image(NV12))
    assert caught.value.code == 1001


@pytest.mark.parametrize(
    ("values", "code", "word"),
    [
        pytest.param({"alpha": "1,2"}, 1013, "alpha is '1,2'; expected three numbers", id="two numbers"),
        pytest.param({"beta": "1,x,2"}, 1013, "beta is '1,x,2'", id="no number"),
        pytest.param({"alpha": "1,2,,"}, 1013, "alpha is '1,2,,'", id="blank ones do not count"),
        pytest.param({"alpha": "1,2,inf"}, 1013, "alpha is", id="infinite"),
        pytest.param({"beta": "1,0,2"}, 1004, "it divides", id="a zero"),
    ],
)
def test_what_is_refused_at_creation(values, code, word):
    with pytest.raises(SdkFault) as caught:
        plugin(**values)
    assert caught.value.code == code and caught.value.sentence.startswith("norm0: ") and word in caught.value.sentence


def test_before_a_model(tmp_path, monkeypatch):
    """The opencv way of classifiers: resized, cropped to the middle, normalised, and compared by its bytes."""
    pytest.importorskip("google.protobuf", reason="tensors come as messages")
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "m.onnx", [("Identity", ["x"], ["y"])], {"x": (1, [1, 8, 8, 3])}, {"y": (1, [1, 8, 8, 3])})
    opencv = {"handleMethod": "opencv"}
    props = {
        "mxpi_imagedecoder0": {**opencv, "outputDataFormat": "RGB"},
        "mxpi_imageresize0": {**opencv, "resizeHeight": "32", "resizeWidth": "40"},
        "mxpi_opencvcentercrop0": {"cropHeight": "8", "cropWidth": "8"},
        "mxpi_imagenormalize0": {"alpha": "40,30,20", "beta": "10,10,10", "dataType": "FLOAT32"},
        "mxpi_tensorinfer0": {"modelPath": "m.om"},
    }
    flat = cv2.imencode(".png", np.full((20, 30, 3), (20, 40, 60), np.uint8))[1].tobytes()  # BGR
    with running(" ".join(["appsrc0", *props, "appsink0"]), numerics="board", **props) as manager:
        send(manager, flat)
        (found,) = manager.GetProtobuf(NAME, 0, StringVector([b"mxpi_tensorinfer0"]))
    assert found.errorCode == 0, found.messageBuf
    tensor = types().MxpiTensorPackageList.FromString(found.messageBuf).tensorPackageVec[0].tensorVec[0]
    np.testing.assert_allclose(array_or_bytes(tensor), np.full((1, 8, 8, 3), (2, 1, 0)), atol=1e-3)
