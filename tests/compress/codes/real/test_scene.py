"""The images as a whole: a mix of easy, hard and hardly visible, in boxes that fit."""

import cv2
import numpy as np
import pytest
import zxingcpp

from compress.codes.real.scene import RealScene, draw_real_scene

WIDTH, HEIGHT = 480, 360


@pytest.fixture(scope="module")
def scenes() -> list[RealScene]:
    return [draw_real_scene(np.random.default_rng([5, seed]), WIDTH, HEIGHT) for seed in range(90)]


def test_boxes_lie_in_the_image(scenes: list[RealScene]) -> None:
    for scene in scenes:
        assert scene.image.shape == (HEIGHT, WIDTH, 3)
        assert scene.image.dtype == np.uint8
        for found in scene.objects:
            x0, y0, x1, y1 = found.box
            assert 0 <= x0 < x1 <= WIDTH
            assert 0 <= y0 < y1 <= HEIGHT


def test_what_is_hard_is_there_in_measure(scenes: list[RealScene]) -> None:
    objects = [found for scene in scenes for found in scene.objects]
    assert len(objects) > 200
    flags = {name: np.mean([getattr(one, name) for one in objects]) for name in ("difficult", "occluded", "truncated")}
    assert 0.02 < flags["difficult"] < 0.15, flags
    assert 0.05 < flags["occluded"] < 0.35, flags
    assert 0.1 < flags["truncated"] < 0.45, flags
    names = [each.name for each in objects]
    assert all(names.count(name) > len(names) / 5 for name in ("dmcode", "qrcode", "barcode"))
    longer = np.array([max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (each.box for each in objects)])
    assert (longer < 16).sum() >= 3, "a tail of tiny ones"
    assert (longer > 120).sum() >= 10
    counts = [len(scene.objects) for scene in scenes]
    assert {0, 1, 2, 3} <= set(counts)
    assert max(counts) > 8, "crowds"


def test_codes_are_read_where_the_boxes_are(scenes: list[RealScene]) -> None:
    """A reader knows nothing of our boxes: the middle of each code that it finds lies in a box of the code's class."""
    kinds = {"Data Matrix": "dmcode", "QR Code": "qrcode"}
    read = 0
    for scene in scenes:
        for code in zxingcpp.read_barcodes(cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY)):
            name = kinds.get(str(code.format), "barcode")
            at = code.position
            corners = [(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]
            x, y = np.mean(corners, axis=0)
            boxes = [found.box for found in scene.objects if found.name == name]
            assert any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes), (name, code.text)
            read += 1
    assert read >= 25


def test_images_differ_in_light_and_sharpness(scenes: list[RealScene]) -> None:
    grey = [cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY) for scene in scenes]
    sharp = [cv2.Laplacian(image, cv2.CV_32F).std() for image in grey]
    assert np.std([image.mean() for image in grey]) > 20
    assert np.quantile(sharp, 0.9) > 3 * np.quantile(sharp, 0.1)


@pytest.mark.parametrize("size", [(64, 64), (64, 200), (1280, 720)])
def test_any_size(size: tuple[int, int]) -> None:
    for seed in range(3):
        scene = draw_real_scene(np.random.default_rng([6, seed]), *size)
        assert scene.image.shape[1::-1] == size
