"""Quantises a bundle by every method, by onnxruntime's own static quantisation and, where an interpreter that has it is
named, by msmodelslim, all with the same images; scores all of them on a devkit through `run.sh eval`, and prints a
Markdown table. Differences are those of mAP@0.5:0.95 from the float model, in points, with 95 % paired bootstrap
intervals.

    python benchmarks/int8.py BUNDLE VOCDEVKIT OUT --methods minmax percentile entropy mse trt adaround lsq

msmodelslim 26.1 wants an environment of its own (Python 3.11, onnx 1.16.2, onnxruntime 1.19.2); --msmodelslim names its
python. What is in OUT already is not made again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, which has a compress.py of its own

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static  # noqa: E402

from compress import api  # noqa: E402
from compress.edge import ROOT, run_edge  # noqa: E402
from compress.graph.graph_facts import attributes, set_attribute  # noqa: E402
from compress.graph.load import load_onnx  # noqa: E402
from compress.quantize.compared import agreement  # noqa: E402
from compress.quantize.images import calibration_images, evenly  # noqa: E402
from compress.quantize.methods import METHODS  # noqa: E402
from compress.quantize.network_input import network_inputs  # noqa: E402
from compute_mAP.image_file import image_file  # noqa: E402
from compute_mAP.voc_devkit import find_devkit  # noqa: E402
from deploy.bundle import DEPLOY_MODEL, MODEL, Bundle, open_bundle, rewrite  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.host.model.network import Network  # noqa: E402
from deploy.host.model.open_network import open_network  # noqa: E402

ROUNDS = 15
SAMPLES = 500
JUDGED = 24
_HEADS = (
    *("model", "mAP@0.5", "mAP@0.5:0.95", "difference", "board numerics"),
    *("SNR", "lost", "scores differ", "size", "processor time"),
)
_MSMODELSLIM = """
import sys
import numpy as np
from msmodelslim.onnx.post_training_quant import QuantConfig, run_quantize
images = np.load(sys.argv[2])
run_quantize(sys.argv[1], sys.argv[3], QuantConfig(calib_data=[[image] for image in images]))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("devkit", type=Path, metavar="VOCDEVKIT")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    parser.add_argument("--count", type=int, default=64, help="calibration images, of the training split")
    parser.add_argument("--steps", type=int, default=100, help="of adaround and lsq")
    parser.add_argument("--msmodelslim", metavar="PYTHON", help="an interpreter that has msmodelslim")
    options = parser.parse_args()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    source = open_bundle(options.bundle)
    images = network_inputs(source, calibration_images(options.devkit, options.count).files)
    bundles = {"float": options.bundle, "onnxruntime": _by_onnxruntime(options, images)}
    if options.msmodelslim:
        bundles["msmodelslim"] = _by_msmodelslim(options, images)
    for method in options.methods:
        place = options.out / method
        if not (place / "bundle.json").is_file():
            api.quantize(options.bundle, place, options.devkit, method=method, count=options.count, steps=options.steps)
        bundles[method] = place
    networks = {name: open_network(str(bundle / "model.om"), half=False) for name, bundle in bundles.items()}
    seconds = _seconds(networks, images[0])
    judged = _test_inputs(options, source)
    before = [networks["float"].run([image]) for image in judged]
    print(f"| {' | '.join(_HEADS)} |\n|---|{'---:|' * (len(_HEADS) - 1)}")
    for name, bundle in bundles.items():
        scores, cells = _scores(options, name, bundle), [name]
        cells += [f"{scores['float']['map50']:.4f}", f"{scores['float']['map50_95']:.4f}"]
        if name == "float":
            cells += ["", f"{scores['board']['map50_95']:.4f}", "", "", ""]
        else:
            found = {key: 100 * value for key, value in _difference(options, name).items()}
            cells.append(f"{found['difference']:+.1f} ({found['low']:+.1f} to {found['high']:+.1f})")
            cells.append(f"{scores['board']['map50_95']:.4f}" if "board" in scores else "-")
            after = agreement(before, (networks[name].run([image]) for image in judged), len(source.names))
            cells += [f"{after.snr:.1f} dB", f"{after.lost:.1%}", f"{after.score_difference:.4f}"]
        deploy = bundle / DEPLOY_MODEL
        size = (deploy if deploy.is_file() else bundle / MODEL).stat().st_size / 1e6
        print(f"| {' | '.join(cells)} | {size:.2f} MB | {seconds[name] / seconds['float']:.2f} |", flush=True)


def _test_inputs(options: argparse.Namespace, source: Bundle) -> list[np.ndarray]:
    """What the network gets for some of the images that it is scored on."""
    devkit = find_devkit(options.devkit)
    names = devkit.read_image_set().names
    files = [image_file(devkit.images, names[number]) for number in evenly(len(names), JUDGED)]
    return list(network_inputs(source, [file for file in files if file is not None]))


def _scores(options: argparse.Namespace, name: str, bundle: Path) -> dict[str, dict[str, float]]:
    """By numerics. onnxruntime's operators have no counterpart on the chip."""
    found = {}
    for numerics in ("float",) if name == "onnxruntime" else ("float", "board"):
        out = options.out / f"{name}-{numerics}"
        done = out.with_suffix(".json")
        if not done.is_file():
            told = run_edge("eval", options.devkit, "--model", bundle, "--numerics", numerics, "--out", out)
            done.write_text(json.dumps(told))
        found[numerics] = json.loads(done.read_text())
    return found


def _difference(options: argparse.Namespace, name: str) -> dict[str, float]:
    """Of mAP@0.5:0.95 in float numerics from the float model's, with the ends of its interval; -1..1."""
    folders = [options.out / f"{one}-float" / "txt_result" for one in (name, "float")]
    command = [
        sys.executable,
        str(ROOT / "compute_mAP" / "reval_voc.py"),
        str(folders[0]),
        "--against",
        str(folders[1]),
    ]
    command += ["--voc_dir", str(options.devkit), "--samples", str(SAMPLES), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)["against"]["map50_95"]
    return found


class _Reader(CalibrationDataReader):
    def __init__(self, images: Sequence[np.ndarray], name: str) -> None:
        self._left = iter([{name: images[number]} for number in range(len(images))])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def _by_onnxruntime(options: argparse.Namespace, images: Sequence[np.ndarray]) -> Path:
    """Its static quantisation to int8 with its defaults."""

    def write(source: Path, target: Path) -> None:
        reader = _Reader(images, onnx.load(str(source)).graph.input[0].name)
        kinds = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8}
        quantize_static(str(source), str(target), reader, quant_format=QuantFormat.QDQ, **kinds)

    return _peer(options, "onnxruntime", write)


def _by_msmodelslim(options: argparse.Namespace, images: Sequence[np.ndarray]) -> Path:
    """Its post_training_quant with its defaults; the offsets are then made FLOAT, without which ATC takes 0."""

    def write(source: Path, target: Path) -> None:
        inputs, made = options.out / "images.npy", options.out / "msmodelslim.onnx"
        np.save(inputs, np.stack([images[number] for number in range(len(images))]))
        command = [options.msmodelslim, "-I", "-c", _MSMODELSLIM, str(source), str(inputs), str(made)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        model = load_onnx(made)
        for node in model.graph.node:
            if node.op_type == "AscendQuant":
                set_attribute(node, "offset", float(attributes(node)["offset"]))
        onnx.save(model, str(target))

    return _peer(options, "msmodelslim", write)


def _peer(options: argparse.Namespace, name: str, write) -> Path:
    """A bundle whose model `write` made of the float one."""
    place: Path = options.out / name
    if not (place / "done").is_file():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(options.bundle, place)
        source = options.out / "float.onnx"  # a copy: msmodelslim writes beside what it reads
        shutil.copyfile(options.bundle / MODEL, source)
        write(source, place / MODEL)
        rewrite(open_bundle(place, ignore=(MODEL,)), {}, add=(MODEL,))
        (place / "done").touch()
    return place


def _seconds(networks: Mapping[str, Network], image: np.ndarray) -> dict[str, float]:
    """The median processor time of a call in float numerics; all models in turn, round after round."""
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            start = time.process_time()
            network.run([image])
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values[2:]) for name, values in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())
