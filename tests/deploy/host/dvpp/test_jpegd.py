"""What JPEGD takes, and the NV12 that comes out, against libjpeg's own planes."""

import io

import cv2
import numpy as np
import pytest

from deploy.host.dvpp.jpegd import check, decode, decode_bgr
from deploy.sdk_codes import SdkFault


def test_every_kind_of_file(image_file):
    if image_file.code:
        with pytest.raises(SdkFault) as caught:
            decode(image_file.data, check(image_file.data))
        assert caught.value.code == image_file.code
        assert image_file.word in caught.value.sentence
        return
    planes, width, height = decode(image_file.data, check(image_file.data))
    assert (width, height) == image_file.size
    rows = height + height % 2
    assert planes.shape == (rows * 3 // 2, width + width % 2)
    # the chip's image is the one that OpenCV sees
    bgr = decode_bgr(image_file.data)
    assert bgr.shape == (height, width, 3)
    y, u, v = (part.astype(float) for part in separate(planes))
    u, v = (part.repeat(2, 0).repeat(2, 1) - 128 for part in (u, v))
    ours = np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=-1)[:height, :width]
    assert np.abs(ours.clip(0, 255) - bgr).mean() < 1.5


def separate(planes):
    rows = len(planes) * 2 // 3
    pairs = planes[rows:].reshape(rows // 2, -1, 2)
    return planes[:rows], pairs[:, :, 0], pairs[:, :, 1]


def libjpeg_planes(data):
    """Y, Cb, Cr as libjpeg hands them over, all of full size: uint8 [h, w, 3]."""
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(data))
    image.draft("YCbCr", image.size)
    assert image.mode == "YCbCr"
    return np.asarray(image)


def noisy(width, height, factors):
    """Colours that change from pixel to pixel, where a wrong chroma shows."""
    small = np.random.default_rng(1).integers(40, 216, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors])[1].tobytes()


@pytest.mark.parametrize("size", [(160, 120), (161, 119)])
@pytest.mark.parametrize("factors", [0x221111, 0x211111, 0x121111, 0x111111])
def test_luma_is_the_files_own(size, factors):
    data = noisy(*size, factors)
    y, _, _ = separate(decode(data, check(data)).planes)
    expected = libjpeg_planes(data)[:, :, 0]
    np.testing.assert_array_equal(y[: size[1], : size[0]], expected)
    np.testing.assert_array_equal(y[:, size[0] - 1], y[:, -1])


def smoothed(chroma):
    """libjpeg's triangle filter, one axis: [n, ...] to [2 n, ...]."""
    before = np.concatenate([chroma[:1], chroma[:-1]])
    after = np.concatenate([chroma[1:], chroma[-1:]])
    pairs = np.stack([(3 * chroma + before) / 4, (3 * chroma + after) / 4], axis=1)
    return pairs.reshape(-1, *chroma.shape[1:])


def test_chroma_of_420_is_the_files_own():
    data = noisy(160, 120, 0x221111)
    expected = libjpeg_planes(data)
    for index, plane in enumerate(separate(decode(data, check(data)).planes)[1:], 1):
        wide = smoothed(smoothed(plane.astype(float)).T).T
        assert np.abs(wide - expected[:, :, index]).max() <= 1


@pytest.mark.parametrize(
    ("factors", "axis"), [pytest.param(0x211111, 1, id="4:2:2"), pytest.param(0x121111, 0, id="4:4:0")]
)
def test_chroma_of_422_and_440_is_averaged_across_the_other_axis(factors, axis):
    data = noisy(160, 120, factors)
    expected = libjpeg_planes(data).astype(float)
    other = 1 - axis
    for index, plane in enumerate(separate(decode(data, check(data)).planes)[1:], 1):
        wide = smoothed(plane.astype(float)) if axis == 0 else smoothed(plane.T.astype(float)).T
        mean = expected[:, :, index].reshape(*((60, 2, 160) if other == 0 else (120, 80, 2))).mean(axis=1 + other)
        assert np.abs(wide - mean).max() <= 2


def test_chroma_of_444_is_the_mean_of_four():
    data = noisy(160, 120, 0x111111)
    mean = libjpeg_planes(data).astype(float).reshape(60, 2, 80, 2, 3).mean(axis=(1, 3))
    for index, plane in enumerate(separate(decode(data, check(data)).planes)[1:], 1):
        assert np.abs(plane - mean[:, :, index]).max() <= 0.5


def test_grey_has_neutral_chroma(image_files_by_kind):
    data = image_files_by_kind["grey"].data
    y, u, v = separate(decode(data, check(data)).planes)
    assert (u == 128).all() and (v == 128).all()
    np.testing.assert_array_equal(y, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))


def one_scan_a_plane(planes):
    """Three grey files of one size and quality made into one of three planes, each in a scan of its own."""
    files = [cv2.imencode(".jpg", plane)[1].tobytes() for plane in planes]
    frame, scan = (files[0].index(marker) for marker in (b"\xff\xc0", b"\xff\xda"))
    size = files[0][frame + 5 : frame + 9]
    components = b"".join(bytes([name, 0x11, 0]) for name in (1, 2, 3))
    head = files[0][:frame] + b"\xff\xc0\x00\x11\x08" + size + b"\x03" + components
    tables = files[0][frame + 13 : scan]
    scans = [
        b"\xff\xda\x00\x08\x01" + bytes([name]) + b"\x00\x00\x3f\x00" + file[file.index(b"\xff\xda") + 10 : -2]
        for name, file in enumerate(files, 1)
    ]
    return head + tables + b"".join(scans) + b"\xff\xd9"


def test_planes_in_scans_of_their_own():
    rows, columns = np.mgrid[:64, :96]
    given = [(columns * 2).astype(np.uint8), (100 + rows // 2).astype(np.uint8), (150 - columns // 3).astype(np.uint8)]
    data = one_scan_a_plane(given)
    y, u, v = separate(decode(data, check(data)).planes)
    assert np.abs(y.astype(int) - given[0]).max() <= 4
    for found, plane in ((u, given[1]), (v, given[2])):
        assert np.abs(found - plane.astype(float).reshape(32, 2, 48, 2).mean(axis=(1, 3))).max() <= 4
