"""JPEG files out of images: quality, sizes, colours, and what is refused."""

import cv2
import numpy as np
import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.dvpp.colour import nv12_of_bgr
from deploy.host.metadata.frame import Frame
from deploy.host.metadata.values import BGR888, NV12, RGB888, Image, Images
from deploy.host.numerics import BOARD, FLOAT, applied
from deploy.host.pipeline.description import Element
from deploy.host.plugins.base import IMAGE, Plugin
from deploy.host.plugins.mxpi_imageencoder import ImageEncoder
from tests.deploy.host.conftest import scene
from tests.deploy.host.wiring import fetch, running, send


def encoded(*images, numerics=FLOAT, **props):
    values = read_properties("s.enc0", "mxpi_imageencoder", props, ImageEncoder.PROPERTIES)
    with applied(numerics):
        plugin = ImageEncoder(Element("enc0", "mxpi_imageencoder", values))
    source = Plugin(Element("dec0", "", {}))
    source.produces = IMAGE
    plugin.connect([source], [])
    metadata = {"dec0": Images(images)} if images else {}
    return list(plugin.expand(Frame(b"before", {**metadata, "other": 1}, channel_id=3)))


def image(pixels, **rest):
    height, width = pixels.shape[:2]
    return Image(pixels, width, height, width, height, **rest)


def pixels_of(frame):
    assert frame.fault is None, frame.fault
    return cv2.imdecode(np.frombuffer(frame.buffer, np.uint8), cv2.IMREAD_COLOR).astype(int)


@pytest.mark.parametrize(
    ("made", "numerics", "most"),
    [
        pytest.param(image(scene()), FLOAT, 4, id="BGR of float numerics"),
        pytest.param(Image(nv12_of_bgr(scene()), 96, 64, 96, 64, format=NV12), BOARD, 8, id="NV12"),
        pytest.param(image(scene()[:, :, ::-1].copy(), format=RGB888, host=True), FLOAT, 4, id="RGB by OpenCV"),
        pytest.param(image(scene(), format=BGR888, host=True), FLOAT, 4, id="BGR by OpenCV"),
    ],
)
def test_pixels(made, numerics, most):
    (frame,) = encoded(made, numerics=numerics)
    assert np.abs(pixels_of(frame) - scene()).max() <= most


def test_what_a_board_makes_of_opencv_images():
    """The SDK writes video's luma, 16 to 235, into the file, which a reader takes for 0 to 255."""
    white = np.full((64, 96, 3), 255, np.uint8)
    (frame,) = encoded(image(white, host=True), numerics=BOARD)
    assert np.abs(pixels_of(frame) - 235).max() <= 2


def test_the_level_is_the_quality():
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    sizes = [len(encoded(image(noise), encodeLevel=level)[0].buffer) for level in ("1", "50", "100")]
    assert sizes == sorted(sizes) and sizes[2] > 4 * sizes[0]
    assert len(encoded(image(noise))[0].buffer) == sizes[2]  # 100 where nothing is said


def test_chroma_is_halved_and_odd_sides_are_cut():
    (frame,) = encoded(image(scene(97, 65)))
    assert pixels_of(frame).shape == (64, 96, 3)
    marker = frame.buffer.index(b"\xff\xc0")
    assert frame.buffer[marker + 11] == 0x22


def test_a_buffer_for_each_image():
    frames = encoded(image(scene()), image(scene(64, 64)))
    assert [pixels_of(frame).shape[1] for frame in frames] == [96, 64]
    for frame in frames:
        assert list(frame.metadata) == ["enc0"] and frame.channel_id == 0  # nothing else is known any more
    (vision,) = frames[1].metadata["enc0"].visionVec
    assert (vision.visionInfo.width, vision.visionData.dataStr) == (64, frames[1].buffer)


def test_without_images_the_buffer_passes():
    (frame,) = encoded()
    assert (frame.buffer, frame.metadata) == (b"before", {"other": 1})


@pytest.mark.parametrize(
    ("made", "code"),
    [
        pytest.param(image(scene(30, 64)), 2020, id="narrow"),
        pytest.param(image(scene(64, 31)), 2021, id="low"),
        pytest.param(image(np.zeros((32, 8194, 3), np.uint8)), 2020, id="wide"),
        pytest.param(image(scene(100, 64), host=True), 2020, id="OpenCV's, no multiple of 16"),
        pytest.param(image(scene().astype(np.float32), host=True), 2019, id="float32"),
    ],
)
def test_refused(made, code):
    bad, good = encoded(made, image(scene()))
    assert bad.fault.code == code and bad.fault.sentence.startswith("enc0: ")
    assert good.fault is None


def test_into_a_file(tmp_path, blob_jpeg):
    """What the SDK's own sample does: the stream ends in a filesink."""
    out = tmp_path / "out.jpg"
    chain = "appsrc0 mxpi_imagedecoder0 mxpi_imageencoder0 tee0"
    with running(f"{chain} filesink0", "tee0 appsink0", filesink0={"location": str(out)}) as manager:
        send(manager, blob_jpeg([(1, 1, 0)]))
        code, data = fetch(manager)
    assert code == 0 and cv2.imread(str(out)).shape == (128, 128, 3)
    assert out.read_bytes() == data
