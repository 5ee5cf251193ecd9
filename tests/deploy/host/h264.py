"""Writes H.264 for tests: each macroblock holds its samples as they are (I_PCM), or is that of the image before.

OpenCV's builds have no free H.264 encoder. The syntax is that of ITU-T H.264, 7.3; baseline profile, image order
count type 2, so that images are decoded in the order in which they are shown.
"""

import numpy as np

_HIGH_PROFILE, _I_PCM = 66, 25
_SEQUENCE, _IMAGE, _KEY, _SLICE = 0x67, 0x68, 0x65, 0x41  # the first byte of a NAL unit


class _Bits:
    def __init__(self):
        self.parts = []

    def u(self, count, value):
        self.parts.append(np.array([value >> (count - 1 - i) & 1 for i in range(count)], np.uint8))

    def ue(self, *values):
        for value in values:
            length = (value + 1).bit_length()
            self.u(2 * length - 1, value + 1)

    def raw(self, samples):
        self.parts.append(np.zeros(-sum(map(len, self.parts)) % 8, np.uint8))
        self.parts.append(np.unpackbits(samples.reshape(-1)))

    def unit(self, first):
        self.u(1, 1)
        payload, zeros = bytearray(), 0
        for byte in np.packbits(np.concatenate(self.parts)).tobytes():
            if zeros >= 2 and byte <= 3:
                payload.append(3)
                zeros = 0
            payload.append(byte)
            zeros = 0 if byte else zeros + 1
        return b"\x00\x00\x00\x01" + bytes([first]) + bytes(payload)


def parameter_sets(width, height):
    sequence = _Bits()
    sequence.u(24, _HIGH_PROFILE << 16 | 40)
    sequence.ue(0, 0, 2, 1)  # id, frame_num of 4 bits, order count type 2, one reference
    sequence.u(1, 0)
    sequence.ue(width // 16 - 1, height // 16 - 1)
    sequence.u(4, 0b1100)  # frames only, 8x8 inference, no cropping, no VUI
    image = _Bits()
    image.ue(0, 0)
    image.u(2, 0)
    image.ue(0, 0, 0)
    image.u(3, 0)
    image.ue(0, 0, 0)  # se(0) is ue(0)
    image.u(3, 0)
    return sequence.unit(_SEQUENCE) + image.unit(_IMAGE)


def key_image(luma, blue, red, number=0):
    """uint8 [h, w] and twice [h / 2, w / 2], sides multiples of 16."""
    bits = _Bits()
    bits.ue(0, 7, 0)
    bits.u(4, 0)
    bits.ue(number % 2)
    bits.u(2, 0)
    bits.ue(0)
    for row in range(0, luma.shape[0], 16):
        for column in range(0, luma.shape[1], 16):
            bits.ue(_I_PCM)
            bits.raw(luma[row : row + 16, column : column + 16])
            for plane in (blue, red):
                bits.raw(plane[row // 2 : row // 2 + 8, column // 2 : column // 2 + 8])
    return bits.unit(_KEY)


def same_image(width, height, number):
    """An image that repeats the one before; `number` counts from the key image, 1 to 15."""
    bits = _Bits()
    bits.ue(0, 5, 0)
    bits.u(4, number)
    bits.u(3, 0)  # no override, no reordering, no marking
    bits.ue(0)
    bits.ue(width * height // 256)  # all macroblocks skipped
    return bits.unit(_SLICE)


def flat(luma, width=128, height=128, blue=128, red=128):
    """The planes of an image of one colour."""
    chroma = (height // 2, width // 2)
    return np.full((height, width), luma, np.uint8), np.full(chroma, blue, np.uint8), np.full(chroma, red, np.uint8)
