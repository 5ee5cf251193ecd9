"""What many runs on the stand-in of the chip leave behind, and what the engine adds to the chip's own time."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.acl.loaded_model import LoadedModel
from deploy.cli import main
from deploy.host.engine.engine import core_count
from deploy.host.engine.factories import plugin_for
from deploy.host.metadata.frame import Frame
from deploy.host.model.om_network import OmNetwork
from deploy.host.numerics import applied, numerics_for
from deploy.host.pipeline.read import parse_pipeline
from deploy.host.plugins.mxpi_imagedecoder import ImageDecoder
from deploy.run.flow import answers
from deploy.run.session import open_stream
from deploy.run.target import Target
from tests.deploy import stand_in_atc
from tests.deploy.stand_in_atc import tensor

RUNS = 10_000
SLEEP_MS = 5.0
IMAGES = 100
TRIES = 8


def resident() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
def test_ten_thousand_runs_leave_nothing(acl: Any, tmp_path: Path) -> None:
    """Of handles, memory of the device, and memory of the process."""
    header = {
        "soc": "Ascend310B4",
        "cann": [7, 0],
        "inputs": [tensor("x", [4, 250])],
        "outputs": [tensor("y", [250])],
    }
    network = OmNetwork(stand_in_atc.write(tmp_path / "model.om", header))
    values = [np.ones((4, 250), np.float32)]
    for _ in range(RUNS // 10):
        network.run(values)
    handles, taken, memory = len(acl.S.handles), acl.S.taken, resident()
    for _ in range(RUNS * 9 // 10):
        (found,) = network.run(values)
    assert found[0] == 1000 % 251
    assert (len(acl.S.handles), acl.S.taken) == (handles, taken)
    assert resident() - memory < 4
    assert acl.S.calls["mdl.load_from_file"] == 1 and acl.S.calls["mdl.execute_async"] == RUNS
    network.close()


def decoding(data: bytes) -> float:
    """Milliseconds of processor time in which the engine's elements decode and resize an image, without the engine."""
    text = json.dumps({"s": {
        "appsrc0": {"factory": "appsrc", "next": "mxpi_imagedecoder0"},
        "mxpi_imagedecoder0": {"factory": "mxpi_imagedecoder", "next": "mxpi_imageresize0"},
        "mxpi_imageresize0": {
            "factory": "mxpi_imageresize",
            "props": {"resizeHeight": "128", "resizeWidth": "128", "resizeType": "Resizer_KeepAspectRatio_Fit"},
            "next": "appsink0",
        },
        "appsink0": {"factory": "appsink"},
    }})  # fmt: skip
    (stream,) = parse_pipeline(text.encode())
    with applied(numerics_for("board", "Ascend310B4")):
        plugins = [plugin_for(element) for element in stream.elements]
    for number, plugin in enumerate(plugins):
        plugin.connect(plugins[:number], plugins[number + 1 :])
    begin = 0.0
    for number in range(IMAGES + 1):
        frame = Frame(data)
        for plugin in plugins[1:3]:
            plugin.process(frame)
        begin = begin if number else time.thread_time()
    return 1000 * (time.thread_time() - begin) / IMAGES


def calling(om: Path) -> float:
    """Milliseconds of processor time in which a model is called, almost all of them the stand-in's own."""
    network = OmNetwork(om)
    values = [np.zeros(port.shape, port.dtype) for port in network.inputs]
    begin = time.thread_time()
    for _ in range(IMAGES):
        network.run(values)
    taken = time.thread_time() - begin
    network.close()
    return 1000 * taken / IMAGES


def test_the_engine_adds_little_to_the_chip(
    acl: Any, tiny_bundle: Callable[..., Path], tmp_path: Path, blob_jpeg: Callable[..., bytes]
) -> None:
    """With a model that takes 5 ms on the chip: 0.9 of the images a second that workers could do that only decode and
    wait for it.

    Taken from processor time, since others use this machine's cores: every worker waits for the chip at the same time
    as all others, and beside the wait it is what workers compute for an image that takes their time. The best of some
    tries, since a busy machine makes every change of threads dearer.
    """
    bundle = tiny_bundle()
    stand_in_atc.convert(bundle / "model.onnx", bundle / "model.om", bundle / "aipp.cfg", sleep_ms=SLEEP_MS)
    header, _ = stand_in_atc.opened(bundle / "model.om")
    # without the network, whose time on this processor is not meant: it finds nothing
    stand_in_atc.write(bundle / "model.om", {**header, "fill": -60.0})
    folder = tmp_path / "images"
    folder.mkdir()
    data = blob_jpeg([(1, 1, 0)], width=640, height=480)
    names = [f"{number:03}" for number in range(IMAGES)]
    for name in names:
        (folder / f"{name}.jpg").write_bytes(data)
    shares: list[float] = []
    with open_stream(Target(bundle, on="acl"), "detect") as (stream, _):
        for _ in answers(stream, folder, names[:10]):
            pass
        while len(shares) < TRIES and max(shares, default=0.0) < 0.9:
            begin, driver = time.process_time(), time.thread_time()
            assert not [outcome.fault for _, _, outcome in answers(stream, folder, names) if outcome.fault]
            workers = time.process_time() - begin - (time.thread_time() - driver)
            taken = SLEEP_MS + 1000 * workers / IMAGES
            shares.append((SLEEP_MS + decoding(data) + calling(bundle / "model.om")) / taken)
    assert acl.S.most_at_once == core_count()
    assert max(shares) >= 0.9, shares


def test_images_are_decoded_while_the_chip_computes(
    acl: Any, tiny_bundle: Callable[..., Path], tmp_path: Path, blob_jpeg: Callable[..., bytes], monkeypatch: Any
) -> None:
    """With every copy of the model busy, as many workers as there are cores go on with further images."""
    bundle, images = tiny_bundle(), tmp_path / "images"
    stand_in_atc.convert(bundle / "model.onnx", bundle / "model.om", bundle / "aipp.cfg")
    images.mkdir()
    names = [f"{number:02}" for number in range(2 * core_count())]
    for name in names:
        (images / f"{name}.jpg").write_bytes(blob_jpeg([(1, 1, 0)]))
    run, decode = LoadedModel.run, ImageDecoder.process
    decoded, all_decoded = iter(range(len(names), 0, -1)), threading.Event()

    def decoding(self: ImageDecoder, frame: Frame) -> None:
        decode(self, frame)
        if next(decoded) == 1:
            all_decoded.set()

    def waiting(self: LoadedModel, *arguments: Any) -> None:
        assert all_decoded.wait(20), "images wait for the chip that could have been decoded"
        run(self, *arguments)

    monkeypatch.setattr(ImageDecoder, "process", decoding)
    monkeypatch.setattr(LoadedModel, "run", waiting)
    with open_stream(Target(bundle, on="acl"), "detect") as (stream, _):
        assert not [outcome.fault for _, _, outcome in answers(stream, images, names) if outcome.fault]


def test_one_worker_that_fails_ends_nothing(
    acl: Any,
    tiny_bundle: Callable[..., Path],
    tmp_path: Path,
    blob_jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However it fails: the image is counted, the copy of the model is handed back, and so is the device in the end."""
    bundle, images = tiny_bundle(), tmp_path / "images"
    stand_in_atc.convert(bundle / "model.onnx", bundle / "model.om", bundle / "aipp.cfg")
    images.mkdir()
    for number in range(12):
        (images / f"{number:02}.jpg").write_bytes(blob_jpeg([(1, 1, 0)]))
    run, count = LoadedModel.run, iter(range(1000))

    def failing(self: LoadedModel, *arguments: Any) -> None:
        fault = {2: SystemExit(3), 5: MemoryError(), 7: RuntimeError("a mistake")}.get(next(count))
        if fault is not None:
            raise fault
        run(self, *arguments)

    monkeypatch.setattr(LoadedModel, "run", failing)
    monkeypatch.chdir(tmp_path)
    assert main(["detect", str(images), "--model", str(bundle)]) == 0
    out, err = capsys.readouterr()
    assert "12 images, 3 failed: 9 objects" in out
    for words in ("SystemExit: 3", "MemoryError", "RuntimeError: a mistake"):
        assert sum(words in line for line in err.splitlines()) == 1 and "Traceback" not in err
