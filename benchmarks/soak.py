"""Does the host stream's memory grow? Sends images without end, some of them broken, and watches the process.

    python benchmarks/soak.py [--model BUNDLE] [--number 100000] [--in-order]

Prints the resident memory at intervals. Exit code 1 where it has grown by more than 16 MiB since the warm-up, which is
a tenth of the images. By default images are fetched by unique id, as detect and eval do; with --in-order through
SendData and GetResult, with every result's metadata read as messages.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from deploy.host.sdk import StreamManagerApi as sdk  # noqa: E402

LIMIT = 16  # MiB
IN_FLIGHT = 8
BROKEN_EVERY = 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models/demo", metavar="BUNDLE")
    parser.add_argument("--number", type=int, default=100_000)
    parser.add_argument("--in-order", action="store_true")
    options = parser.parse_args()
    os.chdir(options.model)
    api = sdk.StreamManagerApi()
    api.InitManager()
    if api.CreateMultipleStreamsFromFile("detect.pipeline") != 0:
        print(f"error: {api.LastError()}", file=sys.stderr)
        return 4
    start, codes, first, last = time.perf_counter(), Counter[int](), 0.0, 0.0
    interval = max(1, options.number // 20)
    for count, code in enumerate((in_order if options.in_order else by_id)(api, options.number), 1):
        codes[code] += 1
        if count % interval == 0:
            last = memory()
            first = last if count <= max(interval, options.number // 10) else first
            rate = count / (time.perf_counter() - start)
            print(f"{count:>8} images  {last:7.1f} MiB  {rate:6.1f} a second", flush=True)
    api.DestroyAllStreams()
    grown = last - first
    print(f"answers by code: {dict(codes)}; grown by {grown:.1f} MiB since the warm-up (at most {LIMIT})")
    return 1 if grown > LIMIT or sum(codes.values()) != options.number else 0


def by_id(api: sdk.StreamManagerApi, images: int) -> Iterator[int]:
    waiting: deque[int] = deque()
    for data in sent(images):
        waiting.append(api.SendDataWithUniqueId(b"detection", 0, data))
        if len(waiting) == IN_FLIGHT:
            yield api.GetResultWithUniqueId(b"detection", waiting.popleft(), 60_000).errorCode
    for unique_id in waiting:
        yield api.GetResultWithUniqueId(b"detection", unique_id, 60_000).errorCode


def in_order(api: sdk.StreamManagerApi, images: int) -> Iterator[int]:
    keys = sdk.StringVector([b"mxpi_imageresize0", b"mxpi_tensorinfer0", b"mxpi_objectpostprocessor0"])
    flying = 0
    for data in sent(images):
        api.SendData(b"detection", 0, data)
        flying += 1
        if flying == IN_FLIGHT:
            flying -= 1
            yield api.GetResult(b"detection", b"appsink0", keys, 60_000).errorCode
    for _ in range(flying):
        yield api.GetResult(b"detection", b"appsink0", keys, 60_000).errorCode


def sent(images: int) -> Iterator[sdk.MxDataInput]:
    """JPEG files of 64 sizes with noise in them, one in a hundred cut short."""
    random = np.random.default_rng(0)
    files = []
    for number in range(64):
        height, width = 240 + 4 * number, 320 + 8 * (number % 16)
        coarse = random.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
        files.append(cv2.imencode(".jpg", cv2.resize(coarse, (width, height)))[1].tobytes())
    for number in range(images):
        data = sdk.MxDataInput()
        data.data = files[number % 64]
        if number % BROKEN_EVERY == 0:
            data.data = data.data[: len(data.data) // 2]
        yield data


def memory() -> float:
    """Resident memory of this process in MiB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):  # not Linux: the highest it ever was
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
