"""The pinhole camera: what is far is small, what lies on the table is foreshortened, backs are not seen."""

import numpy as np
import pytest

from compress.codes.quads import edges
from compress.codes.real.pose import Camera, box_faces, facing, lying, turn_of

CENTRE = (200.0, 150.0)


@pytest.mark.parametrize("tilt", [-0.1, 0.0, 0.6, 1.4])
def test_held_up_straight_it_keeps_its_shape(tilt: float) -> None:
    camera = Camera(500, tilt)
    quad = camera.project(facing(60, 40, camera, 0, 0, 0), CENTRE)
    np.testing.assert_allclose(quad, [[170, 130], [230, 130], [230, 170], [170, 170]], atol=1e-3)


@pytest.mark.parametrize(
    ("yaw", "pitch", "longest"),
    [
        # Sides in the order top, right, bottom, left.
        pytest.param(0.8, 0, 1, id="its right side comes nearer"),
        pytest.param(-0.8, 0, 3, id="its left side comes nearer"),
        pytest.param(0, 0.8, 0, id="its top comes nearer"),
        pytest.param(0, -0.8, 2, id="its bottom comes nearer"),
    ],
)
def test_perspective(yaw: float, pitch: float, longest: int) -> None:
    camera = Camera(300, 0.3)
    quad = camera.project(facing(100, 100, camera, 0, yaw, pitch), CENTRE)
    sides = edges(quad)
    assert sides[longest] == max(sides) > 105
    assert sides[longest - 2] < 0.9 * sides[longest], "the far side is shorter"
    assert sides[longest - 1] == pytest.approx(sides[longest - 3], rel=1e-3), "the other two mirror each other"
    assert 0 < turn_of(quad) < 100 * 100


@pytest.mark.parametrize("tilt", [0.5, 1.0, 1.5])
def test_what_lies_is_foreshortened_and_narrower_at_the_back(tilt: float) -> None:
    quad = Camera(800, tilt).project(lying(80, 80, 0), CENTRE)
    top, _, bottom, _ = edges(quad)
    assert top < bottom
    assert np.ptp(quad[:, 1]) == pytest.approx(80 * np.sin(tilt), rel=0.05)
    assert turn_of(quad) > 0, "its printed side is up"


@pytest.mark.parametrize(
    ("yaw", "tilt", "count"),
    [
        pytest.param(0, 0.7, 2, id="from the front and above: front and top"),
        pytest.param(0.6, 0.7, 3, id="over a corner: two sides and top"),
        pytest.param(0.6, 0.0, 2, id="at eye level: no top"),
        pytest.param(0, np.pi / 2, 1, id="from above: only the top"),
    ],
)
def test_faces_of_a_box(yaw: float, tilt: float, count: int) -> None:
    faces = box_faces((60, 40, 50), yaw, Camera(1e6, tilt), CENTRE)
    assert len(faces) == count
    for face in faces:
        # Seen from so far away, a side shrinks by the angle under which it is seen.
        towards = np.array([0, -np.sin(tilt), -np.cos(tilt)])
        assert turn_of(face.quad) == pytest.approx(face.width * face.height * (face.normal @ towards), rel=0.01)
