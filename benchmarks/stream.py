"""Images per second of the host stream beside bare onnxruntime and ultralytics' predict, as a markdown table.

    python benchmarks/stream.py BUNDLE [BUNDLE ..] --images DIR [--rounds 5] [--ultralytics auto|MODEL.onnx]

The stream reads, decodes, resizes, infers, decodes boxes and suppresses; bare onnxruntime does nothing but infer the
same ONNX on a tensor that is there already, so it is the most that a stream could reach. All contenders take turns in
each round, and the table has the median over the rounds.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from compute_mAP.errors import DataError, EnvironmentFault  # noqa: E402
from deploy.bundle import open_bundle  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.pictures import check_image_dir  # noqa: E402
from deploy.session import opened  # noqa: E402
from deploy.speed import WARM_UP, repeated, saturated  # noqa: E402
from deploy.target import Target  # noqa: E402

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Contender(NamedTuple):
    """One row: what runs, on which model, and a measurement of its images per second."""

    way: str
    model: str
    measure: Callable[[], float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder with .jpg pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=200, help="pictures a measurement (default 200)")
    parser.add_argument(
        "--ultralytics",
        metavar="auto|MODEL.onnx",
        help="also time its predict: on an ONNX it exported, or on a yolov5n with random weights that it exports now",
    )
    options = parser.parse_args()
    return exit_code(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    # ultralytics talks on stdout, where the table alone belongs.
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
        contenders = _contenders(options, Path(scratch))
        rates = _rounds(contenders, options.rounds)
    _print_table(contenders, rates, options)


def _contenders(options: argparse.Namespace, scratch: Path) -> list[Contender]:
    folder = check_image_dir(options.images)
    names = repeated(sorted(file.stem for file in folder.glob("*.jpg")), options.pictures)[: options.pictures]
    if not names:
        raise DataError(f"{folder} holds no .jpg picture")
    contenders = []
    for path in options.bundles:
        bundle = open_bundle(path)
        label = f"{path.name} ({bundle.imgsz[1]}x{bundle.imgsz[0]}, {bundle.description['parameters'] / 1e6:.2f} M)"
        contenders.append(Contender("run.sh speed", label, _stream(path, folder, names)))
        contenders += _bare(label, path / "model.onnx", len(names))
    if options.ultralytics:
        imgsz = max(open_bundle(options.bundles[0]).imgsz)
        model = _exported(imgsz, scratch) if options.ultralytics == "auto" else Path(options.ultralytics).absolute()
        label = f"{model.name} ({imgsz} px, random weights)" if options.ultralytics == "auto" else model.name
        files = [str(folder / f"{name}.jpg") for name in names]
        contenders.append(Contender("ultralytics predict", label, _predict(model, files, imgsz)))
        contenders += _bare(label, model, len(names))
    return contenders


def _stream(bundle: Path, folder: Path, names: list[str]) -> Callable[[], float]:
    def measure() -> float:
        with opened(Target(model=bundle, on="host"), "detect") as (stream, _):
            saturated(stream, folder, names[:WARM_UP])
            return saturated(stream, folder, names)[0]

    return measure


def _bare(label: str, model: Path, count: int) -> list[Contender]:
    """Inference alone, in both ways to use all cores: a thread a picture, as the host engine does, and all for one."""
    return [
        Contender("onnxruntime, a thread a picture", label, _infer(model, count, 1, CORES)),
        Contender("onnxruntime, all threads a picture", label, _infer(model, count, CORES, 1)),
    ]


def _infer(model: Path, count: int, threads: int, at_once: int) -> Callable[[], float]:
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = threads
    session_options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), session_options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    tensor = np.random.default_rng(0).random(entry.shape, np.float32)

    def infer(_: int) -> None:
        session.run(None, {entry.name: tensor})

    def measure() -> float:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(infer, range(WARM_UP)))
            start = time.perf_counter()
            list(pool.map(infer, range(count)))
            return count / (time.perf_counter() - start)

    return measure


def _yolo(model: str) -> object:
    os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")  # nothing is fetched behind the user's back
    try:
        from ultralytics import YOLO
    except ImportError as fault:
        raise EnvironmentFault(f"--ultralytics needs ultralytics ({fault})") from None
    return YOLO(model, task="detect")


def _exported(imgsz: int, folder: Path) -> Path:
    before = Path.cwd()
    os.chdir(folder)  # the export goes to the current folder
    try:
        return Path(_yolo("yolov5n.yaml").export(format="onnx", imgsz=imgsz)).absolute()  # type: ignore[attr-defined]
    finally:
        os.chdir(before)


def _predict(model: Path, files: list[str], imgsz: int) -> Callable[[], float]:
    yolo = _yolo(str(model))

    def run(pictures: list[str]) -> None:
        for _ in yolo.predict(pictures, imgsz=imgsz, stream=True, verbose=False):  # type: ignore[attr-defined]
            pass

    def measure() -> float:
        run(files[:WARM_UP])
        start = time.perf_counter()
        run(files)
        return len(files) / (time.perf_counter() - start)

    return measure


def _rounds(contenders: list[Contender], rounds: int) -> list[float]:
    """The median images per second of each contender."""
    rates: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds):
        for row, contender in enumerate(contenders):
            rates[row].append(contender.measure())
            print(f"round {number + 1}: {contender.way}, {contender.model}: {rates[row][-1]:.1f}", file=sys.stderr)
    return [statistics.median(row) for row in rates]


def _print_table(contenders: list[Contender], rates: list[float], options: argparse.Namespace) -> None:
    print(f"{platform.machine()}, {_cpu()}, {CORES} cores; Python {platform.python_version()}, ", end="")
    print(f"onnxruntime {onnxruntime.__version__}; {options.pictures} pictures, median of {options.rounds} rounds\n")
    print("| model | way | images/s | of bare onnxruntime |\n|---|---|---:|---:|")
    for contender, rate in zip(contenders, rates):
        bare = max(r for c, r in zip(contenders, rates) if c.model == contender.model and c.way.startswith("onnx"))
        print(f"| {contender.model} | {contender.way} | {rate:.1f} | {rate / bare:.2f} |")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown CPU"


if __name__ == "__main__":
    sys.exit(main())
