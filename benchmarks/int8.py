"""Quantises a bundle by every method and by onnxruntime's own static quantisation, scores all of them on a devkit
through `run.sh eval`, and prints a Markdown table with sizes and latencies beside the float model's of the same run.

    python benchmarks/int8.py BUNDLE VOCDEVKIT OUT --methods minmax percentile entropy mse trt adaround lsq
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, which has a compress.py of its own

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static  # noqa: E402

from compress import api  # noqa: E402
from compress.edge import run_edge  # noqa: E402
from compress.quantize.images import calibration_images  # noqa: E402
from compress.quantize.network_input import network_inputs  # noqa: E402
from compress.stages.quantize import METHODS  # noqa: E402
from deploy.bundle import open_bundle, rewrite  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.host.model.open_network import open_network  # noqa: E402

ROUNDS = 15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("devkit", type=Path, metavar="VOCDEVKIT")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    parser.add_argument("--count", type=int, default=32, help="calibration images")
    parser.add_argument("--steps", type=int, default=150, help="of adaround and lsq")
    options = parser.parse_args()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    bundles = {"float": options.bundle, "onnxruntime": _peer(options)}
    for method in options.methods:
        place = options.out / method
        if not (place / "bundle.json").is_file():
            api.quantize(options.bundle, place, options.devkit, method=method, count=options.count, steps=options.steps)
        bundles[method] = place
    print(
        "| model | float numerics: mAP@0.5 | mAP@0.5:0.95 | board: mAP@0.5 | mAP@0.5:0.95 | SNR dB | size | latency |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    latencies = _latencies(bundles, options)
    for name, bundle in bundles.items():
        cells = []
        for numerics in ("float", "board"):
            if name == "onnxruntime" and numerics == "board":
                cells += ["-", "-"]  # its operators have no counterpart on the chip
                continue
            found = run_edge("eval", options.devkit, "--model", bundle, "--numerics", numerics, "--out", options.out)
            cells += [f"{found['map50']:.4f}", f"{found['map50_95']:.4f}"]
        report = bundle / "quantization.json"
        told = json.loads(report.read_text())["on_calibration_images"] if report.is_file() else {}
        deploy = bundle / "model_deploy.onnx"
        size = (deploy if deploy.is_file() else bundle / "model.onnx").stat().st_size / 1e6
        snr = f"{told['snr_db']:.1f}" if told else "-"
        print(f"| {name} | {' | '.join(cells)} | {snr} | {size:.2f} MB | {latencies[name]:.1f} ms |", flush=True)


class _Reader(CalibrationDataReader):
    def __init__(self, images: list[np.ndarray], name: str) -> None:
        self._left = iter([{name: image} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def _peer(options: argparse.Namespace) -> Path:
    """onnxruntime's static quantisation with its defaults and the same images."""
    place: Path = options.out / "onnxruntime"
    if (place / "bundle.json").is_file():
        return place
    bundle = open_bundle(options.bundle)
    files = calibration_images(options.devkit, options.count).files
    images = network_inputs(bundle, files)
    shutil.copytree(options.bundle, place)
    model = onnx.load(str(place / "model.onnx"))
    name = model.graph.input[0].name
    reader = _Reader([images[number] for number in range(len(images))], name)
    quantize_static(
        str(options.bundle / "model.onnx"),
        str(place / "model.onnx"),
        reader,
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )
    rewrite(open_bundle(place, ignore=("model.onnx",)), {}, add=("model.onnx",))
    return place


def _latencies(bundles: dict[str, Path], options: argparse.Namespace) -> dict[str, float]:
    """The median of a call with one thread, in ms, in float numerics; all models in turn, round after round."""
    height, width = open_bundle(options.bundle).imgsz
    image = np.random.default_rng(0).random((1, 3, height, width), np.float32)
    networks = {name: open_network(str(bundle / "model.om"), half=False) for name, bundle in bundles.items()}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            start = time.perf_counter()
            network.run([image])
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(values[2:]) for name, values in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())
