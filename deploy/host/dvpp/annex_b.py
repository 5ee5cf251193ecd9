"""H.264 and H.265 byte streams (Annex B): NAL units behind start codes; as much of them as tells images apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_START = re.compile(rb"\x00\x00\x01")


class Codec(NamedTuple):
    """A NAL unit's kind is its first byte shifted right by `shift`, within `mask`."""

    shift: int
    mask: int
    images: range  # kinds that hold a slice of an image
    keys: range  # those of images that need no other
    parameters: range

    def units(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Kind and start of each unit in turn."""
        for found in _START.finditer(data):
            if found.end() < len(data):
                yield data[found.end()] >> self.shift & self.mask, found.start()


# ITU-T H.264, table 7-1; H.265, table 7-1.
CODECS = {
    "H264": Codec(0, 0x1F, range(1, 6), range(5, 6), range(7, 9)),
    "H265": Codec(1, 0x3F, range(32), range(16, 22), range(32, 35)),
}


def is_annex_b(data: bytes) -> bool:
    return data.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))


class Beginning(NamedTuple):
    """What comes before a stretch's first image, if that has parameter sets; whether there is an image, and of what
    kind."""

    parameters: bytes
    image: bool
    key: bool


def beginning(data: bytes, codec: Codec) -> Beginning:
    parameters = False
    for kind, start in codec.units(data):
        if kind in codec.parameters:
            parameters = True
        elif kind in codec.images:
            return Beginning(data[:start] if parameters else b"", True, kind in codec.keys)
    return Beginning(data if parameters else b"", False, False)
