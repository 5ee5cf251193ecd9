"""The engine on the tests' stand-in of the chip (acl): is all as on the host, and does anything stay behind?

    python benchmarks/stand_in_chip.py equal BUNDLE VOCDEVKIT
    python benchmarks/stand_in_chip.py soak [--model BUNDLE] [--number 10000]
    python benchmarks/stand_in_chip.py overhead [--model BUNDLE] [--rounds 9]

`equal` scores a devkit with `--on acl` and with the host's board numerics, and compares both txt_result byte by byte.
`soak` sends images, one in a hundred of them broken, and watches the memory of the process and the handles of acl. The
exit code is 1 where files differ, memory grows by more than 16 MiB after the first tenth, or acl was misused.
`overhead` lets the model take 5 ms on the chip and compares the images a second, by the clock, with those of one worker
a core that decodes and waits for it; below 0.9 in the median the exit code is 1. It wants an idle machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import soak  # noqa: E402
from deploy.acl.device import give_back  # noqa: E402
from deploy.cli import main as run_sh  # noqa: E402
from deploy.host.engine.engine import core_count  # noqa: E402
from deploy.host.engine.factories import plugin_for  # noqa: E402
from deploy.host.metadata.frame import Frame  # noqa: E402
from deploy.host.numerics import applied, numerics_for  # noqa: E402
from deploy.host.pipeline.read import parse_pipeline  # noqa: E402
from deploy.host.sdk import StreamManagerApi as sdk  # noqa: E402
from deploy.run.flow import answers  # noqa: E402
from deploy.run.session import open_stream  # noqa: E402
from deploy.run.target import Target  # noqa: E402
from tests.deploy import stand_in_atc  # noqa: E402

CHIP_MS = 5.0
IMAGES = 300
LIMIT = 0.9


def main() -> int:
    parser = argparse.ArgumentParser(prog="stand_in_chip.py", description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    equal = verbs.add_parser("equal")
    equal.add_argument("bundle", type=Path, metavar="BUNDLE")
    equal.add_argument("devkit", type=Path, metavar="VOCDEVKIT")
    long = verbs.add_parser("soak")
    long.add_argument("--model", type=Path, default=ROOT / "models/demo", metavar="BUNDLE")
    long.add_argument("--number", type=int, default=10_000)
    quick = verbs.add_parser("overhead")
    quick.add_argument("--model", type=Path, default=ROOT / "models/demo", metavar="BUNDLE")
    quick.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    acl = stand_in()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        shutil.copytree(options.bundle if options.verb == "equal" else options.model, bundle)
        sleep = CHIP_MS if options.verb == "overhead" else 0.0
        stand_in_atc.convert(bundle / "model.onnx", bundle / "model.om", bundle / "aipp.cfg", sleep_ms=sleep)
        if options.verb == "overhead":
            well = adds_little(bundle, Path(folder), options.rounds)
        elif options.verb == "equal":
            well = are_equal(bundle, options.devkit, Path(folder))
        else:
            well = nothing_stays(acl, bundle, options.number)
    give_back()
    for sentence in acl.misuses:
        print(f"acl was misused: {sentence}")
    return 0 if well and not acl.misuses and not acl.alive() else 1


def stand_in() -> Any:
    """The tests' stand-in, as the module acl."""
    spec = importlib.util.spec_from_file_location("acl", ROOT / "tests/deploy/stand_in_acl.py")
    assert spec and spec.loader
    module = sys.modules["acl"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.set_up()
    return module


def are_equal(bundle: Path, devkit: Path, folder: Path) -> bool:
    for on in ("acl", "host"):
        if run_sh(["eval", str(devkit), "--model", str(bundle), "--on", on, "--out", str(folder / on)]) != 0:
            return False
    found = [
        {file.name: file.read_bytes() for file in (folder / on / "txt_result").glob("*.txt")} for on in ("acl", "host")
    ]
    same = sum(found[0].get(name) == content for name, content in found[1].items())
    lines = sum(content.count(b"\n") for content in found[1].values())
    print(f"{same} of {len(found[1])} files equal byte by byte, {lines} lines")
    return same == len(found[1]) == len(found[0])


def nothing_stays(acl: Any, bundle: Path, number: int) -> bool:
    os.chdir(bundle)
    api = sdk.StreamManagerApi()
    api.SetBackend("acl")
    api.SetNumerics("board")
    api.InitManager()
    if api.CreateMultipleStreamsFromFile("detect.pipeline") != 0:
        print(f"error: {api.LastError()}", file=sys.stderr)
        return False
    first, handles, count = 0.0, 0, 0
    for count, _ in enumerate(soak.by_id(api, number), 1):
        if count == max(1, number // 10):
            first, handles = soak.memory(), len(acl.S.handles)
    grown, more = soak.memory() - first, len(acl.S.handles) - handles
    api.DestroyAllStreams()
    os.chdir(ROOT)
    print(f"{count} images; after the first tenth memory grew by {grown:.1f} MiB, and acl has {more} handles more")
    return grown <= soak.LIMIT and more == 0 and count == number


def adds_little(bundle: Path, folder: Path, rounds: int) -> bool:
    header, _ = stand_in_atc.opened(bundle / "model.om")
    # without the network, whose time on this processor is not meant: it finds nothing
    stand_in_atc.write(bundle / "model.om", {**header, "fill": -60.0})
    pixels = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 5)
    image = cv2.imencode(".jpg", pixels)[1].tobytes()
    (folder / "images").mkdir()
    names = [f"{number:03}" for number in range(IMAGES)]
    for name in names:
        (folder / "images" / f"{name}.jpg").write_bytes(image)
    shares = []
    with open_stream(Target(bundle, on="acl"), "detect") as (stream, _):
        for number in range(rounds + 1):  # the first is for warming up
            decode = decoding(image)
            begin = time.perf_counter()
            failed = [
                answer.outcome.fault for answer in answers(stream, folder / "images", names) if answer.outcome.fault
            ]
            rate = IMAGES / (time.perf_counter() - begin)
            if failed:
                print(f"error: {failed[0]}", file=sys.stderr)
                return False
            if number:
                shares.append(rate * (CHIP_MS + decode) / 1000 / core_count())
                print(f"{rate:.0f} images/s, decoding {decode:.2f} ms: {shares[-1]:.2f} of the bound")
    print(f"median {statistics.median(shares):.2f}, wanted {LIMIT}")
    return statistics.median(shares) >= LIMIT


def decoding(image: bytes) -> float:
    """Milliseconds in which the engine's element decodes an image, without the engine."""
    elements = {
        "appsrc0": {"factory": "appsrc", "next": "mxpi_imagedecoder0"},
        "mxpi_imagedecoder0": {"factory": "mxpi_imagedecoder", "next": "appsink0"},
        "appsink0": {"factory": "appsink"},
    }
    (stream,) = parse_pipeline(json.dumps({"s": elements}).encode())
    with applied(numerics_for("board", "Ascend310B4")):
        decoder = plugin_for(stream.elements[1])
    decoder.process(Frame(image))
    begin = time.thread_time()
    for _ in range(IMAGES):
        decoder.process(Frame(image))
    return 1000 * (time.thread_time() - begin) / IMAGES


if __name__ == "__main__":
    sys.exit(main())
