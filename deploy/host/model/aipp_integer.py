"""AIPP as the chip computes it: whole numbers up to 0..255, then float16.

Documented are the formula, clamp((matrix * (value - bias)) >> 8), and the order of the steps. Not documented are how
the chip rounds (here: `>>` rounds down) and how it widens chroma (here: each sample serves its 2 x 2 pixels); a board
may differ by one level.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from deploy.aipp.formats import GREY, RGB, XRGB, YUV420SP
from deploy.aipp.rule import AippRule, Box


class IntegerAipp:
    """One rule, for a model input of `channels`. Tables are made once; calls may come from several threads."""

    def __init__(self, rule: AippRule, channels: int, half: bool = True) -> None:
        self._rule = rule
        self._channels = channels
        self._tables = [value_table(rule, channel, half) for channel in range(channels)]
        self._padding = float(np.float16(rule.padding_value))
        self._deltas = _delta_tables(rule) if rule.input_format == YUV420SP and rule.matrix else None

    def __call__(self, pixels: np.ndarray, blob: np.ndarray) -> None:
        """Fill `blob` float32 [1, C, H, W]; unless `half` was False, all values are exact in float16.

        `pixels` is uint8: [h * 3 / 2, w] for YUV420SP_U8, [h, w] for YUV400_U8, else [h, w, 3 or 4] in the order of the
        format's name.
        """
        rule = self._rule
        left, right, top, bottom = rule.padding
        height, width = blob.shape[2:]
        if any(rule.padding):
            blob[:] = self._padding
        inside = blob[0, :, top : height - bottom, left : width - right]
        for channel, values in enumerate(self._levels(pixels)):
            cv2.LUT(values, self._tables[channel], dst=inside[channel])

    def _levels(self, pixels: np.ndarray) -> list[np.ndarray]:
        """uint8 [H, W] of each channel, before mean and scale."""
        rule = self._rule
        if rule.input_format != YUV420SP:
            planes = _packed_planes(pixels, rule)
            if rule.matrix:
                planes[:3] = _converted(planes, rule)
            return planes[: self._channels]
        luma, u, v = _yuv(pixels, rule)
        if self._deltas:
            return [_shifted(luma, delta) for delta in self._chroma_deltas(u, v)]
        height, width = luma.shape
        planes = [luma, *(plane.repeat(2, axis=0).repeat(2, axis=1)[:height, :width] for plane in (u, v))]
        return _converted(planes, rule) if rule.matrix else planes

    def _chroma_deltas(self, u: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
        """What chroma adds to Y of each channel: int16 [h, 2 w] of u and v uint8 [h, w], each value twice across.

        Both halves of an int32 hold the value, so that no pass is needed to write it twice.
        """
        assert self._deltas is not None
        found = []
        for delta in self._deltas:
            if delta.of_u is None:
                both = cv2.LUT(v, delta.alone)
            elif delta.of_v is None:
                both = cv2.LUT(u, delta.alone)
            else:
                both = _twice(np.right_shift(cv2.LUT(u, delta.of_u) + cv2.LUT(v, delta.of_v), 8, dtype=np.int32))
            found.append(both.view(np.int16))
        return found


class _Delta(NamedTuple):
    """int32 [256]: products of U and of V, None for a factor of 0; `alone`: the only product, shifted, twice."""

    of_u: np.ndarray | None
    of_v: np.ndarray | None
    alone: np.ndarray


def value_table(rule: AippRule, channel: int, half: bool = True) -> np.ndarray:
    """float32 [256]: what the model gets for a level of a channel; `half`: scale and result rounded to float16."""
    levels = np.arange(256, dtype=np.float32) - np.float32(rule.means[channel])
    kind = np.float16 if half else np.float32
    minimum, scale = np.float32(kind(rule.mins[channel])), np.float32(kind(rule.scales[channel]))
    with np.errstate(over="ignore"):
        return ((levels - minimum) * scale).astype(kind).astype(np.float32)


def _delta_tables(rule: AippRule) -> list[_Delta] | None:
    """A channel each, for matrices that pass Y on as it is (factor 256, bias 0); None for others."""
    assert rule.matrix is not None
    if rule.input_bias[0] or any(row[0] != 256 for row in rule.matrix):
        return None
    levels = np.arange(256, dtype=np.int32)
    tables = []
    for row in rule.matrix:
        of_u, of_v = ((levels - rule.input_bias[i]) * np.int32(row[i]) for i in (1, 2))
        alone = _twice((of_u + of_v) >> 8)  # one of them is zero where this is used
        tables.append(_Delta(of_u if row[1] else None, of_v if row[2] else None, alone))
    return tables


def _yuv(pixels: np.ndarray, rule: AippRule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y [h, w], U and V [h / 2, w / 2] as AIPP sees them after swap and crop."""
    rows = pixels.shape[0] * 2 // 3
    luma, pairs = pixels[:rows], pixels[rows:].reshape(rows // 2, pixels.shape[1] // 2, 2)
    if rule.crop:
        luma = _cut(luma, rule.crop)
        # an odd size still needs the chroma of its last column and row
        pairs = _cut(pairs, Box(*((side + 1) // 2 for side in rule.crop)))
    u, v = cv2.split(pairs)
    return (luma, v, u) if rule.swap else (luma, u, v)


def _packed_planes(pixels: np.ndarray, rule: AippRule) -> list[np.ndarray]:
    if rule.input_format == GREY:
        return [_cut(pixels, rule.crop) if rule.crop else pixels]
    if rule.crop:
        pixels = _cut(pixels, rule.crop)
    planes = list(cv2.split(pixels))
    colours = slice(1, 4) if rule.input_format == XRGB else slice(0, 3)
    if rule.swap:
        planes[colours] = planes[colours][::-1]
    if rule.input_format == XRGB and rule.alpha_first:
        planes = [*planes[1:], planes[0]]
    return planes


def _converted(planes: list[np.ndarray], rule: AippRule) -> list[np.ndarray]:
    assert rule.matrix is not None
    bias = (0, 0, 0) if rule.input_format in (RGB, XRGB) else rule.input_bias
    added = rule.output_bias if rule.input_format in (RGB, XRGB) else (0, 0, 0)
    wide = [plane.astype(np.int32) - offset for plane, offset in zip(planes, bias)]
    out = []
    for row, offset in zip(rule.matrix, added):
        total = sum(plane * factor for plane, factor in zip(wide, row))
        out.append(np.clip((total >> 8) + offset, 0, 255).astype(np.uint8))
    return out


def _shifted(luma: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """uint8 [H, W] plus int16 [ceil(H / 2), >= W], each row of which serves two, clamped to 0..255."""
    height, width = luma.shape
    delta = delta[:, :width]
    total = np.empty(luma.shape, np.int16)
    even = height // 2 * 2
    pairs = (even // 2, 2, width)
    np.add(luma[:even].reshape(pairs), delta[: even // 2, None], out=total[:even].reshape(pairs))
    if even < height:
        np.add(luma[even], delta[-1], out=total[even])
    np.clip(total, 0, 255, out=total)
    return total.astype(np.uint8)


def _twice(values: np.ndarray) -> np.ndarray:
    """int32 that hold an int16 in both halves."""
    return ((values.view(np.uint32) & np.uint32(0xFFFF)) * np.uint32(0x10001)).view(np.int32)


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.top : box.top + box.height, box.left : box.left + box.width]
