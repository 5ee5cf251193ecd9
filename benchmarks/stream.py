"""What the host stream costs beside the bare work in it and beside ultralytics' predict, as markdown tables.

    python benchmarks/stream.py [--model BUNDLE] [--images DIR] [--number 200] [--rounds 11] [--without-predict]

Images are JPEG files on disk: those of a folder, or else codes drawn now, 640 x 480 px. With t1 the CPU time of a
bare one-thread onnxruntime call and d that of a bare decode, the stream should need at most 1.2 (t1 + d) of CPU time an
image; reach 0.9 of the images a second of a bare inference loop with all threads on one call, or of
cores / (t1 + d) where that is less; be 1.7 times as fast as predict; and need at most 1.8 times as much for board
numerics.

Predict runs the same weights: the bundle's ONNX with the boxes decoded inside, as ultralytics exports have it, with
the stream's own thresholds. All contenders take turns in each round and ratios are taken within a round; the tables
have medians over the rounds. CPU time is that of the process, all threads, reading files included. A measurement
begins and ends with an empty stream, whose cores then wait: over 50 images that takes a few percent of its images a
second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from deploy.bundle import Bundle, open_bundle  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.errors import DataError, EnvironmentFault  # noqa: E402
from deploy.run.flow import answers  # noqa: E402
from deploy.run.images import check_image_dir, read_image  # noqa: E402
from deploy.run.session import open_stream  # noqa: E402
from deploy.run.speed import repeated  # noqa: E402
from deploy.run.target import DEMO, Target  # noqa: E402

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
FLOAT, BOARD, PREDICT = "stream, float numerics", "stream, board numerics", "ultralytics predict"
CALL, LOOP, DECODE = "onnxruntime, one thread", f"onnxruntime, {CORES} threads", "decoding the JPEG"
CONFIDENCE, IOU = 0.4, 0.5
SETTLING = 0.3  # seconds after which onnxruntime's threads no longer spin in wait for more


class Cost(NamedTuple):
    """Milliseconds an image."""

    cpu: float
    wall: float


class Claim(NamedTuple):
    """What is measured in a round, and its limit: at most where `most`, else at least."""

    text: str
    value: Callable[[dict[str, Cost]], float]
    limit: float
    most: bool = True


def _within_reach(costs: dict[str, Cost]) -> float:
    """Images a millisecond: no more than inference alone, nor than all cores busy with inference and decoding."""
    return min(1 / costs[LOOP].wall, CORES / (costs[CALL].cpu + costs[DECODE].cpu))


CLAIMS = (
    Claim("CPU time / (t1 + d)", lambda costs: costs[FLOAT].cpu / (costs[CALL].cpu + costs[DECODE].cpu), 1.2),
    Claim("images/s / those within reach", lambda costs: 1 / costs[FLOAT].wall / _within_reach(costs), 0.9, False),
    Claim("images/s / those of predict", lambda costs: costs[PREDICT].wall / costs[FLOAT].wall, 1.7, False),
    Claim("CPU time, board / float", lambda costs: costs[BOARD].cpu / costs[FLOAT].cpu, 1.8),
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=DEMO, metavar="BUNDLE")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder with .jpg images (default: drawn now)")
    parser.add_argument("--number", type=int, default=200, help="images a measurement (default 200)")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--without-predict", action="store_true", help="where ultralytics is not installed")
    options = parser.parse_args()
    return exit_code(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle = open_bundle(options.model.absolute())
        folder = check_image_dir(options.images) if options.images else _drawn(scratch, options.number)
        names = sorted(file.stem for file in folder.glob("*.jpg"))
        if not names:
            raise DataError(f"{folder} holds no .jpg image")
        names = repeated(names, options.number)[: options.number]
        ways = _bare(bundle, folder, names)
        if not options.without_predict:
            ways[PREDICT] = _predict(bundle, folder, names, scratch)
        for way, numerics in ((FLOAT, "float"), (BOARD, "board")):
            target = Target(model=bundle.folder, conf=CONFIDENCE, iou=IOU, on="host", numerics=numerics)
            stream, _ = stack.enter_context(open_stream(target, "detect"))
            ways[way] = lambda stream=stream: sum(len(a.outcome.objects) for a in answers(stream, folder, names))
        found = {way: run() for way, run in ways.items()}  # this warms up, too
        rounds = [_round(ways, len(names), number) for number in range(options.rounds)]
    _print_tables(bundle, rounds, found, options)


def _drawn(folder: Path, count: int) -> Path:
    """Photographs of codes, 640 x 480 px, of the qualities that `compress data codes` writes."""
    from compress.codes.easy.scene import draw_scene

    for number in range(count):
        random = np.random.default_rng([2, number])
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(55, 96))]
        cv2.imwrite(str(folder / f"{number:04}.jpg"), draw_scene(random, (640, 640)).image[:480], quality)
    return folder


def _bare(bundle: Bundle, folder: Path, names: list[str]) -> dict[str, Callable[[], int]]:
    """The work that a stream cannot do without, each in a loop of its own."""
    files = [np.frombuffer(read_image(folder, name), np.uint8) for name in names]

    def decode() -> int:
        for file in files:
            cv2.imdecode(file, cv2.IMREAD_COLOR)
        return 0

    return {CALL: _infer(bundle, len(names), 1), LOOP: _infer(bundle, len(names), CORES), DECODE: decode}


def _infer(bundle: Bundle, count: int, threads: int) -> Callable[[], int]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    model = str(bundle.folder / "model.onnx")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    tensor = np.random.default_rng(0).random(entry.shape, np.float32)

    def infer() -> int:
        for _ in range(count):
            session.run(None, {entry.name: tensor})
        return 0

    return infer


def _predict(bundle: Bundle, folder: Path, names: list[str], scratch: Path) -> Callable[[], int]:
    os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")  # nothing is fetched behind the user's back
    try:
        from ultralytics import YOLO

        from benchmarks.decoded_export import write_decoded
    except ImportError as fault:
        raise EnvironmentFault(f"predict needs ultralytics and onnx ({fault}); or --without-predict") from None
    yolo = YOLO(str(write_decoded(bundle, scratch / "decoded.onnx")), task="detect")
    files = [str(folder / f"{name}.jpg") for name in names]
    settings = {"imgsz": max(bundle.imgsz), "conf": CONFIDENCE, "iou": IOU, "verbose": False}

    def predict() -> int:
        return sum(len(result.boxes) for result in yolo.predict(files, stream=True, **settings))

    return predict


def _round(ways: dict[str, Callable[[], int]], count: int, number: int) -> dict[str, Cost]:
    costs = {}
    for way, run in ways.items():
        time.sleep(SETTLING)
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        costs[way] = Cost(
            *(1000 * seconds / count for seconds in (time.process_time() - cpu, time.perf_counter() - wall))
        )
    text = ", ".join(f"{way} {cost.cpu:.2f} / {cost.wall:.2f}" for way, cost in costs.items())
    print(f"round {number + 1}, ms of CPU / wall time: {text}", file=sys.stderr)
    return costs


def _print_tables(
    bundle: Bundle, rounds: list[dict[str, Cost]], found: dict[str, int], options: argparse.Namespace
) -> None:
    print(f"{platform.machine()}, {_cpu()}, {CORES} cores; Python {platform.python_version()}, ", end="")
    print(
        f"onnxruntime {onnxruntime.__version__}; {bundle.folder.name}, {bundle.imgsz[1]} x {bundle.imgsz[0]} px; ",
        end="",
    )
    print(f"{options.number} images, median of {options.rounds} rounds\n")
    print("| way | CPU ms an image | images/s | objects |\n|---|---:|---:|---:|")
    for way in rounds[0]:
        cpu, wall = (statistics.median(costs[way][i] for costs in rounds) for i in (0, 1))
        print(f"| {way} | {cpu:.2f} | {1000 / wall:.1f} | {found[way] or '-'} |")
    print("\n| | measured | limit | |\n|---|---:|---:|---|")
    for claim in CLAIMS:
        if claim.text.endswith("predict") and PREDICT not in rounds[0]:
            continue
        value = statistics.median(claim.value(costs) for costs in rounds)
        passes = value <= claim.limit if claim.most else value >= claim.limit
        sign = "at most" if claim.most else "at least"
        print(f"| {claim.text} | {value:.2f} | {sign} {claim.limit} | {'pass' if passes else 'miss'} |")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown CPU"


if __name__ == "__main__":
    sys.exit(main())
