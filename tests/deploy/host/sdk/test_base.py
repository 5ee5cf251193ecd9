"""mindx.sdk.base: what Vision SDK's own tests of these classes say (mxBase/test/gtest/PyAPITest), on the host."""

import numpy as np
import pytest

from deploy.host.numerics import BOARD, applied
from deploy.host.sdk.mindx import sdk
from deploy.host.sdk.mindx.sdk import base
from deploy.host.sdk.mindx.sdk.base import Image, ImageProcessor, Model, Rect, Size, Tensor, post
from tests.deploy.host.plugins.test_mxpi_tensorinfer import two_inputs


@pytest.fixture
def jpeg(tmp_path, blob_jpeg):
    path = tmp_path / "a.jpg"
    path.write_bytes(blob_jpeg([(1, 2, 0)], 200, 100, cell=32))
    return str(path)


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        pytest.param(np.ones((10, 3, 4, 3), np.float32), "dtype.float32", id="float32"),
        pytest.param(np.ones((3, 3)), "dtype.double", id="numpy's default"),
        pytest.param(np.ones(3, np.int64), "dtype.int64", id="int64"),
        pytest.param(np.ones(3, np.float16), "dtype.float16", id="float16"),
        pytest.param(np.ones(3, bool), "dtype.bool", id="bool"),
    ],
)
def test_tensors(array, kind):
    tensor = Tensor(array)
    assert (tensor.shape, str(tensor.dtype), tensor.device) == (list(array.shape), kind, -1)
    assert np.array_equal(np.array(tensor), array)
    tensor.to_device(0)
    assert tensor.device == 0
    tensor.to_host()
    assert tensor.device == -1


@pytest.mark.parametrize(
    ("kind", "value", "device", "words"),
    [
        pytest.param(base.int32, 200, 0, "", id="set"),
        pytest.param(base.float32, 200, 0, "Code = 1004", id="another type than its own"),
        pytest.param(base.undefined, 200, 0, "should be one of dtype.uint8,", id="no type to set"),
        pytest.param(base.int32, 200, -1, "Code = 1001", id="on the host"),
        pytest.param(base.int32, 2**40, 0, "exceeds the range", id="too large"),
    ],
)
def test_values_of_tensors(kind, value, device, words):
    tensor = Tensor(np.ones((2, 3), np.int32))
    if device >= 0:
        tensor.to_device(device)
    if words:
        with pytest.raises(RuntimeError, match=words):
            tensor.set_tensor_value(value, kind)
    else:
        tensor.set_tensor_value(value, kind)
        assert (np.array(tensor) == value).all()


def test_tensors_put_together():
    tensor = Tensor(np.arange(6, dtype=np.float32).reshape(1, 2, 3))
    assert base.batch_concat([tensor] * 2).shape == [2, 2, 3]
    assert base.transpose(tensor, [0, 2, 1]).shape == [1, 3, 2]
    with pytest.raises(RuntimeError, match="Code = 1004"):
        base.batch_concat([tensor, Tensor(np.ones(2))])
    with pytest.raises(RuntimeError, match="cannot have elements of <U1"):
        Tensor(np.array(["a"]))


def test_images():
    image = Image(np.zeros((62, 64, 3), np.uint8), base.rgb, (Size(64, 62), Size(160, 160)))
    sizes = (image.width, image.height, image.original_width, image.original_height)
    assert (*sizes, image.format, image.device) == (160, 160, 64, 62, base.rgb, -1)
    assert image.to_tensor().shape == image.get_tensor().shape == [1, 160, 160, 3]
    assert image.get_original_tensor().shape == [1, 62, 64, 3]
    again = base.tensor_to_image(image.to_tensor(), base.rgb)
    assert (again.width, again.height, again.format) == (160, 160, base.image_format.rgb)
    empty = Image()
    assert (empty.width, empty.height, empty.format) == (0, 0, base.nv12)
    with pytest.raises(RuntimeError, match=r"is no image of nv12.*Code = 1004"):
        Image(np.zeros((5, 5, 3), np.uint8), base.nv12)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        pytest.param(base.nv12, [1, 168, 256, 1], id="nv12"),
        pytest.param(base.rgb, [1, 112, 256, 3], id="rgb"),
        pytest.param(base.bgr, [1, 112, 256, 3], id="bgr"),
    ],
)
def test_decoding(jpeg, kind, shape):
    """JPEGD of an Ascend 310 aligns to 128 x 16 px."""
    image = ImageProcessor(0).decode(jpeg, kind)
    assert (image.original_width, image.original_height, image.format) == (200, 100, kind)
    assert [image.width, image.height] == [256, 112]
    assert image.to_tensor().shape == shape and image.to_tensor().device == 0
    red = ImageProcessor(0).convert_format(image, base.bgr) if kind is not base.bgr else image
    blue, _, most = np.asarray(red.get_original_tensor())[0, 80, 48].tolist()
    assert most > 200 > 60 > blue


def test_what_does_not_decode(tmp_path):
    processor = ImageProcessor(0)
    with pytest.raises(RuntimeError, match=r"cannot read the image .*Code = 1016"):
        processor.decode(str(tmp_path / "none.jpg"))
    with pytest.raises(RuntimeError, match="Code = 2019"):
        processor.decode_bytes(b"test", 4)
    with pytest.raises(RuntimeError, match="4 bytes and the size 5"):
        processor.decode_bytes(b"test", 5)
    with pytest.raises(RuntimeError, match="nv21 do not run on a host"):
        processor.decode_bytes(b"test", 4, base.nv21)


@pytest.mark.parametrize("kind", [base.nv12, base.rgb])
def test_resizing_cutting_and_padding(jpeg, kind):
    processor = ImageProcessor(0)
    image = processor.decode(jpeg, kind)
    resized = processor.resize(image, Size(64, 48), base.huaweiu_high_order_filter)
    assert (resized.original_width, resized.original_height, resized.format) == (64, 48, kind)
    crops = processor.crop(image, [Rect(32, 64, 64, 96), Rect(0, 0, 18, 6)])
    assert [(crop.width, crop.height, crop.original_width) for crop in crops] == [(32, 32, 32), (32, 6, 18)]
    (one,) = processor.crop_resize(image, [(Rect(32, 64, 64, 96), Size(64, 64))])
    red = processor.convert_format(one, base.bgr if kind is not base.bgr else base.rgb)
    mean = np.asarray(red.get_original_tensor()).mean((0, 1, 2))
    assert mean[2] > 220 and mean[0] < 40
    padded = processor.padding(image, base.Dim(0, 0, 1, 1), base.Color(0, 0, 0), base.border_constant)
    assert padded.original_height == (104 if kind is base.nv12 else 102)
    with pytest.raises(RuntimeError, match="Code = 1004"):
        processor.convert_format(image, kind)
    with pytest.raises(RuntimeError, match="Code = 2001"):
        processor.crop(image, [Rect(0, 0, 300, 50)])
    with pytest.raises(RuntimeError, match="Code = 2020"):
        processor.resize(image, Size(16, 48))


def test_encoding(jpeg, tmp_path):
    processor = ImageProcessor(0)
    image = processor.decode(jpeg)
    processor.encode(image, str(tmp_path / "b.jpg"), 95)
    data = processor.encode_bytes(image)
    again = processor.decode_bytes(data, len(data))
    assert (again.original_width, again.original_height) == (200, 100)
    for level in (0, 101):
        with pytest.raises(RuntimeError, match="Code = 1004"):
            processor.encode_bytes(image, level)


def test_a_model_of_tensors(tmp_path):
    two_inputs(tmp_path / "model.onnx")
    model = Model(str(tmp_path / "model.om"), deviceId=0)
    assert (model.input_num, model.output_num, model.model_gear()) == (2, 2, [])
    assert (model.input_shape(0), str(model.input_dtype(0))) == ([1, 4], "dtype.float32")
    assert (model.output_shape(1), str(model.output_dtype(1))) == ([1], "dtype.int64")
    a, b = Tensor(np.array([[1, 9, 3, 4]], np.float32)), Tensor(np.ones((1, 4), np.float32))
    difference, place = model.infer([a, b])
    assert difference.device == 0
    difference.to_host()
    assert np.array(difference).tolist() == [[0, 8, 2, 3]] and np.array(place).tolist() == [1]
    with pytest.raises(RuntimeError, match=r"1 tensor.*Code = 1001"):
        model.infer(a)
    with pytest.raises(RuntimeError, match=r"no model.*Code = 1016"):
        base.model(str(tmp_path / "none.om"), 0)


def test_from_a_file_to_objects(tiny_bundle, tmp_path, blob_jpeg, monkeypatch):
    """Decode, resize, infer and decode boxes, in the way of the SDK's guide for Python."""
    monkeypatch.chdir(tiny_bundle())
    (tmp_path / "a.jpg").write_bytes(blob_jpeg([(1, 2, 0)], 256, 256, cell=32))
    base.mx_init()
    with applied(BOARD):
        processor, model = ImageProcessor(0), base.model(modelPath="model.om", deviceId=0)
        image = processor.decode(str(tmp_path / "a.jpg"), base.nv12)
        outputs = model.infer([processor.resize(image, Size(128, 128)).to_tensor()])
    assert (model.input_shape(0), str(model.input_dtype(0))) == ([1, 192, 128, 1], "dtype.uint8")
    for output in outputs:
        output.to_host()
    processor = post.Yolov3PostProcess(config_path="detect.cfg", label_path="labels.names")
    info = base.resize_info(image, resize_height=128, resize_width=128)
    ((found,),) = processor.process(outputs, [info])
    assert (found.className, round(found.x0), round(found.y0), round(found.x1)) == ("red", 32, 64, 64)
    base.mx_deinit()


def test_classes_and_texts(tmp_path):
    (tmp_path / "names").write_text("a\nb\nc\n")
    names = str(tmp_path / "names")
    resnet = post.Resnet50PostProcess(config_data={"CLASS_NUM": "3", "TOP_K": "1"}, label_path=names)
    found = resnet.process([Tensor(np.array([[0, 2, 1], [5, 0, 0]], np.float32))])
    assert [[(one.classId, one.className, one.confidence) for one in image] for image in found] == [
        [(1, "b", 2.0)],
        [(0, "a", 5.0)],
    ]
    crnn = post.CrnnPostProcess(config_data={"CLASS_NUM": "3", "OBJECT_NUM": "2", "BLANK_INDEX": "0"}, label_path=names)
    (text,) = crnn.process([Tensor(np.eye(3, dtype=np.float32)[[1, 2]][None])])
    assert text.text == ["bc"]
    with pytest.raises(RuntimeError, match="Code = 1004"):
        resnet.process([Tensor(np.zeros((1, 4), np.float32))])


def test_names_of_the_package():
    assert sdk.Tensor is Tensor and sdk.base is base
    with pytest.raises(RuntimeError, match="VideoDecoder needs the chip"):
        base.VideoDecoder(0)
    with pytest.raises(AttributeError, match=r"no mindx\.sdk\.base\.post\.CtpnPostProcess; it has Crnn"):
        post.CtpnPostProcess  # noqa: B018
    # every member of the SDK's __all__ that its documents name
    for name in ("nv12", "rgb", "float32", "double", "huaweiu_high_order_filter", "border_constant", "NCHW", "log"):
        assert hasattr(base, name), name
