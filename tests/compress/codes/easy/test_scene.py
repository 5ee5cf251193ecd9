"""The scenes: symbols that a reader reads, in boxes that fit them tightly."""

import cv2
import numpy as np
import pytest
import zxingcpp

from compress.codes.easy.paste import paste
from compress.codes.easy.scene import ALLOWED_OVERLAP, LEAST_VISIBLE, Placed, Scene, draw_scene
from compress.codes.quads import tight_box

SIDES = (320, 640)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(np.random.default_rng([7, seed]), SIDES) for seed in range(60)]


def rendered_box(placed: Placed, width: int, height: int) -> tuple[int, int, int, int]:
    """Where the modules really come to lie: the label drawn again, white modules' area on black."""
    texture = np.zeros_like(placed.patch.texture)
    x0, y0, x1, y1 = placed.patch.area
    texture[y0:y1, x0:x1] = 255
    image = np.zeros((height, width, 3), np.uint8)
    paste(image, texture, placed.quad)
    rows, columns = np.nonzero(image[..., 0] > 127)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_boxes_are_tight(scenes: list[Scene]) -> None:
    compared = 0
    for scene in scenes:
        height, width = scene.image.shape[:2]
        for placed in scene.placed:
            box = tight_box(placed.corners, width, height)
            assert 0 <= box[0] < box[2] <= width
            assert 0 <= box[1] < box[3] <= height
            assert np.abs(np.subtract(box, rendered_box(placed, width, height))).max() <= 2
            compared += 1
    assert compared > 100


def test_symbols_can_be_read_and_lie_where_the_box_says(scenes: list[Scene]) -> None:
    """Straight and turned symbols alike; small ones are too coarse to read, so a part has to do."""
    read = {"dmcode": 0, "qrcode": 0, "barcode": 0}
    turned = 0
    for scene in scenes:
        found = {code.text: code for code in zxingcpp.read_barcodes(scene.image)}
        for placed in scene.placed:
            code = found.get(placed.symbol.text)
            if code is None:
                continue
            read[placed.symbol.name] += 1
            side = placed.corners[1] - placed.corners[0]
            turned += abs(np.rad2deg(np.arctan2(side[1], side[0])) % 90 - 45) < 30
            if not placed.symbol.linear:
                at = code.position
                corners = [(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]
                seen = (*np.min(corners, 0), *np.max(corners, 0))
                ours = (*placed.corners.min(0), *placed.corners.max(0))
                # The reader reports a corner of a module, not of the ink, and only to whole pixels.
                module = np.linalg.norm(side) / placed.symbol.modules.shape[1]
                assert np.abs(np.subtract(seen, ours)).max() <= 2 + module
    assert min(read.values()) >= 8, read
    assert turned >= 10


def test_no_symbol_hides_another(scenes: list[Scene]) -> None:
    for scene in scenes:
        for i, placed in enumerate(scene.placed):
            corners = placed.corners.astype(np.float32)
            area = cv2.contourArea(corners)
            for later in scene.placed[i + 1 :]:
                assert cv2.intersectConvexConvex(later.quad, corners)[0] <= ALLOWED_OVERLAP * area


def test_variety(scenes: list[Scene]) -> None:
    counts = {len(scene.placed) for scene in scenes}
    assert {0, 1, 2, 3} <= counts
    assert max(counts) <= 8
    shapes = [scene.image.shape for scene in scenes]
    assert len(set(shapes)) > 50
    assert all(SIDES[0] <= side <= SIDES[1] for shape in shapes for side in shape[:2])
    names = [placed.symbol.name for scene in scenes for placed in scene.placed]
    assert all(names.count(name) > len(names) / 5 for name in set(names))
    assert len(set(names)) == 3
    sizes = []
    for scene in scenes:
        height, width = scene.image.shape[:2]
        for placed in scene.placed:
            x0, y0, x1, y1 = tight_box(placed.corners, width, height)
            sizes.append(max(x1 - x0, y1 - y0) * 320 / max(width, height))
    assert np.mean(np.array(sizes) > 24) > 0.9, "big enough for a small detector at 320 px"
    assert min(sizes) > 14


def test_most_of_a_symbol_is_visible(scenes: list[Scene]) -> None:
    shares = []
    for scene in scenes:
        height, width = scene.image.shape[:2]
        frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        for placed in scene.placed:
            corners = placed.corners.astype(np.float32)
            shares.append(cv2.intersectConvexConvex(frame, corners)[0] / cv2.contourArea(corners))
    assert min(shares) >= LEAST_VISIBLE - 1e-3
    assert 0.02 < np.mean(np.array(shares) < 0.99) < 0.3, "some are cut off by the edge"
