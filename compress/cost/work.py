"""What a layer asks of the chip: operations, as they are and as the Cube unit pads them, and bytes moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

BLOCK = 16  # channels in half precision come in blocks of 32 bytes
INT8_BLOCK = 32
_HALF = 2  # bytes


@dataclass(frozen=True)
class Work:
    """One operator. `flops` counts a multiply-accumulate twice; `padded_flops` does so with channels in whole blocks.

    `bytes` are those of inputs, weights and outputs in whole blocks. `kind` is "conv" or the name of another operator;
    `int8` ones have twice the peak rate; `channels` is (in, out), `kernel` and `size` (output) are (height, width).
    """

    name: str
    kind: str
    channels: tuple[int, int]
    kernel: tuple[int, int]
    size: tuple[int, int]
    flops: int
    padded_flops: int
    bytes: int
    int8: bool = False


def transposed(name: str, weight: Sequence[int], groups: int, source: Sequence[int], result: Sequence[int]) -> Work:
    """A transposed convolution of `weight` [in, out / groups, kh, kw]: each pixel meets the whole kernel."""
    taken, per_group, kh, kw = weight
    whole = convolution(name, (per_group * groups, taken // groups, kh, kw), groups, source, source)
    moved = whole.bytes - stored(source) + stored(result)
    made = (source[1], per_group * groups)
    return Work(name, "conv", made, (kh, kw), (result[2], result[3]), whole.flops, whole.padded_flops, moved)


def convolution(
    name: str, weight: Sequence[int], groups: int, source: Sequence[int], result: Sequence[int], int8: bool = False
) -> Work:
    """A convolution of `weight` [out, in / groups, kh, kw] from `source` [1, in, h, w] to `result` [1, out, h, w].

    Groups that are narrow share blocks on the diagonal of a larger matrix, as a depthwise one's channels do. The input
    image with its up to 4 channels stays unpadded (ATC's enable_small_channel). On int8 the inputs' blocks have 32
    channels of one byte, as the weights have; results are in half precision.
    """
    into = INT8_BLOCK if int8 else BLOCK
    out, per_group, kh, kw = weight
    pixels = result[2] * result[3]
    flops = 2 * out * per_group * kh * kw * pixels
    if groups == 1:
        products = padded(out) * (per_group if source[1] <= 4 else padded(per_group, into))
    else:
        together = max(1, BLOCK // max(per_group, out // groups))
        products = -(-groups // together) * padded(together * (out // groups)) * padded(together * per_group, into)
    taken = stored(source, 1, INT8_BLOCK) if int8 else stored(source)
    moved = (1 if int8 else _HALF) * products * kh * kw + taken + stored(result)
    whole = 2 * products * kh * kw * pixels
    return Work(name, "conv", (source[1], out), (kh, kw), (result[2], result[3]), flops, whole, moved, int8)


def movement(name: str, kind: str, sources: Sequence[Sequence[int]], result: Sequence[int]) -> Work:
    """An operator that is bound by the memory: it reads its sources and writes its result."""
    moved = sum(stored(shape) for shape in sources) + stored(result)
    into = sum(shape[1] for shape in sources if len(shape) > 1)
    out, size = (result[1] if len(result) > 1 else 1), tuple(result[2:4]) if len(result) >= 4 else (1, 1)
    return Work(name, kind, (into, out), (1, 1), (size[0], size[1]), 0, 0, moved)


def product(name: str, left: Sequence[int], right: Sequence[int]) -> Work:
    """A matrix product [..., m, k] x [..., k, n]."""
    m, k, n = left[-2], left[-1], right[-1]
    batch = prod(left[:-2])
    moved = _HALF * batch * (padded(m) * padded(k) + padded(k) * padded(n) + padded(m) * padded(n))
    flops = 2 * batch * m * k * n
    whole = 2 * batch * padded(m) * padded(k) * padded(n)
    return Work(name, "matmul", (k, n), (1, 1), (m, n), flops, whole, moved)


def stored(shape: Sequence[int], size: int = _HALF, block: int = BLOCK) -> int:
    """Bytes of a tensor of `size` bytes a value: [n, c, h, w] has its channels in whole blocks (NC1HWC0)."""
    if len(shape) == 4 and shape[1] > 4:
        return size * shape[0] * padded(shape[1], block) * shape[2] * shape[3]
    return size * prod(shape)


def padded(channels: int, block: int = BLOCK) -> int:
    return -(-channels // block) * block
