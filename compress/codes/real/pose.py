"""Where the corners of flat things and boxes come to lie in an image: a pinhole camera over a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. `focal` is the focal length in pixels, `tilt` how far it looks down, in radians.

    Axes of the world: x to the right, y down, z away from the camera along the table.
    """

    focal: float
    tilt: float

    def project(self, points: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
        """Points [..., 3] around a spot of the world that is seen at `centre`: pixels float32 [..., 2].

        The points are in pixels as they are seen at that spot.
        """
        seen = points @ _about_x(self.tilt).T
        scale = self.focal / np.maximum(self.focal + seen[..., 2:], 0.2 * self.focal)
        return (seen[..., :2] * scale + centre).astype(np.float32)


def _about_x(angle: float) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def turned(points: np.ndarray, yaw: float) -> np.ndarray:
    """Points [..., 3] turned by `yaw` radians about the upright axis."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    return points @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T


def lying(width: float, height: float, yaw: float) -> np.ndarray:
    """The corners of a card on the table (top left, top right, bottom right, bottom left): [4, 3]."""
    corners = np.array([[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]]) * (width / 2, 0, height / 2)
    return turned(corners, yaw)


def facing(width: float, height: float, camera: Camera, roll: float, yaw: float, pitch: float) -> np.ndarray:
    """The corners of a card that is held up to the camera, then turned by three angles in radians: [4, 3]."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * (width / 2, height / 2, 0)
    cos, sin = math.cos(roll), math.sin(roll)
    rolled = corners @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]).T
    # Pitch against the camera's tilt, so that all angles zero mean seen straight.
    return turned(rolled, yaw) @ _about_x(pitch - camera.tilt).T


# The sides of a box but the bottom: front, right, left, back, top. Corners as (x, y, z) signs, in the order top left,
# top right, bottom right, bottom left as seen from outside, and the normals.
_CORNERS = np.array(
    [
        [(-1, -1, -1), (1, -1, -1), (1, 1, -1), (-1, 1, -1)],
        [(1, -1, -1), (1, -1, 1), (1, 1, 1), (1, 1, -1)],
        [(-1, -1, 1), (-1, -1, -1), (-1, 1, -1), (-1, 1, 1)],
        [(1, -1, 1), (-1, -1, 1), (-1, 1, 1), (1, 1, 1)],
        [(-1, -1, 1), (1, -1, 1), (1, -1, -1), (-1, -1, -1)],
    ]
)
_NORMALS = np.array([(0, 0, -1), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, -1, 0)])


@dataclass(frozen=True)
class Face:
    """A face of a box: its corners in the image (float32 [4, 2]), its sides and its normal in the world."""

    quad: np.ndarray
    width: float
    height: float
    normal: np.ndarray


def box_faces(size: tuple[float, float, float], yaw: float, camera: Camera, centre: tuple[float, float]) -> list[Face]:
    """The faces that the camera sees of a box of width, height and depth `size` on the table; the bottom never is."""
    quads = camera.project(turned(_CORNERS * (np.array(size) / 2), yaw), centre)
    normals = turned(_NORMALS, yaw)
    sides = [(size[0], size[1]), (size[2], size[1]), (size[2], size[1]), (size[0], size[1]), (size[0], size[2])]
    return [
        Face(quad, *side, normal) for quad, side, normal in zip(quads, sides, normals, strict=True) if turn_of(quad) > 1
    ]


def turn_of(quad: np.ndarray) -> float:
    """The area of a quadrilateral [4, 2] in pixels, negative where it is seen from behind."""
    x, y = quad[:, 0].astype(float), quad[:, 1].astype(float)
    return float(0.5 * ((x[0] - x[2]) * (y[1] - y[3]) - (x[1] - x[3]) * (y[0] - y[2])))
