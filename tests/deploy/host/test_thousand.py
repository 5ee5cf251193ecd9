"""Hundreds of images with a bad one of each kind among them: refused with the SDK's codes, and the counts add up.

Also spoilt bytes through a whole stream, and a stream with a slow model that is destroyed while data flow.
"""

import json
import threading
import time

import numpy as np
import pytest

from deploy.cli import main
from deploy.host.api import MxDataInput, StreamManagerApi

NAME = b"detection"
GOOD = 270
SPOILT = 300
BLOB = (2, 3, 0)
BOX = "<xmin>32</xmin><ymin>48</ymin><xmax>48</xmax><ymax>64</ymax>"
OBJECT = f"<object><name>red</name><difficult>0</difficult><bndbox>{BOX}</bndbox></object>"


@pytest.fixture
def images(tmp_path, blob_jpeg, image_files_by_kind):
    """A devkit: good images with one red blob each, one of every other kind in between, and one that is missing.

    The good ones and those that are refused are annotated with that blob, what else is decoded with nothing. Returns
    the folder of a year, all names in order, the good ones, and the code of each refused one (0: by the driver).
    """
    year = tmp_path / "VOCdevkit/VOC2007"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (year / folder).mkdir(parents=True)
    blob = blob_jpeg([BLOB])
    contents: list[tuple[bytes | None, int | None]] = [(blob, None)] * GOOD
    for number, file in enumerate(image_files_by_kind.values()):
        contents.insert(7 + 9 * number, (file.data, file.code if file.data else 0))
    contents.insert(200, (None, 0))
    names = [f"p{place:03}" for place in range(len(contents))]
    good, refused = [], {}
    for name, (data, code) in zip(names, contents):
        if data is blob:
            good.append(name)
        elif code or not data:
            refused[name] = code
        objects = OBJECT if name in refused or data is blob else ""
        (year / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
        if data is not None:
            (year / "JPEGImages" / f"{name}.jpg").write_bytes(data)
    (year / "ImageSets/Main/test.txt").write_text("".join(f"{name}\n" for name in names))
    return year, names, good, refused


def test_detect_goes_on_and_counts(images, tiny_bundle, tmp_path, capsys):
    year, names, good, refused = images
    image_set = str(year / "ImageSets/Main/test.txt")
    arguments = [image_set, str(year / "JPEGImages"), "--model", str(tiny_bundle()), "--out", str(tmp_path)]
    assert main(["detect", *arguments, "--json", "--boxes"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["images"], report["failed_images"]) == (len(names), len(refused))
    result = tmp_path / "image_result"
    for name in good:
        assert [box["class"] for box in json.loads((result / f"{name}.json").read_text())["objects"]] == ["red"]
    assert (result / "failed_images.txt").read_text().split() == sorted(refused)
    assert sorted(file.stem for file in result.glob("*.json")) == [name for name in names if name not in refused]
    for name, code in refused.items():
        sentence = next(line for line in err.splitlines() if name in line)
        assert f"error {code}:" in sentence if code else "is empty" in sentence or "there is no" in sentence


@pytest.mark.parametrize("numerics", ["board", "float"])
def test_eval_counts_what_failed_as_not_found(images, tiny_bundle, tmp_path, capsys, numerics):
    year, names, good, refused = images
    arguments = [str(year.parent), "--model", str(tiny_bundle()), "--out", str(tmp_path), "--numerics", numerics]
    assert main(["eval", *arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["images"], report["failed_images"]) == (len(names), len(refused))
    # all annotated objects are found but those of refused images; what else is taken for red is less sure
    assert report["ap50"]["red"] == pytest.approx(len(good) / (len(good) + len(refused)), abs=1e-4)


@pytest.fixture
def start(monkeypatch):
    """Factory: start(bundle, numerics) -> a manager with the bundle's detect stream; all are destroyed in the end."""
    managers = []

    def create(bundle, numerics="float"):
        monkeypatch.chdir(bundle)
        manager = StreamManagerApi()
        managers.append(manager)
        manager.SetNumerics(numerics)
        assert manager.InitManager() == 0
        assert manager.CreateMultipleStreamsFromFile(b"detect.pipeline") == 0, manager.LastError()
        return manager

    yield create
    for manager in managers:
        manager.DestroyAllStreams()


def send(manager, data):
    entry = MxDataInput()
    entry.data = data
    return manager.SendDataWithUniqueId(NAME, 0, entry)


@pytest.mark.parametrize("numerics", ["board", "float"])
def test_spoilt_images_end_in_results_or_codes(start, tiny_bundle, image_files_by_kind, numerics):
    random = np.random.default_rng(11)
    files = [file.data for file in image_files_by_kind.values() if 300 < len(file.data) < 20_000]
    manager = start(tiny_bundle(), numerics)
    waiting, codes = [], []

    def fetch():
        result = manager.GetResultWithUniqueId(NAME, waiting.pop(0), 10_000)
        codes.append(result.errorCode)
        assert b"internal" not in result.data, result.data

    for number in range(SPOILT):
        data = bytearray(files[number % len(files)])
        start_at, end = ((0, 200), (0, 700), (200, len(data)))[number % 3]
        for at in random.integers(start_at, min(end, len(data)), size=random.integers(1, 6)):
            data[at] = random.integers(0, 256)
        if number % 5 == 0:
            del data[random.integers(2, len(data)) :]
        waiting.append(send(manager, bytes(data)))
        if len(waiting) > 6:
            fetch()
    while waiting:
        fetch()
    # 2002: decoded, but too long and thin to be resized
    assert set(codes) <= {0, 2002, 2006, 2019, 2020, 2021}
    assert len(codes) == SPOILT and codes.count(0) > 30 and len(set(codes)) >= 4


def make_slow(model, nodes=190, side=1000):
    """Put `nodes` multiplications of large matrices, six seconds of one core in all, before the model's first element.

    Each is short, because a run that is told to end computes its current node to the end.
    """
    onnx = pytest.importorskip("onnx", reason="the slow model is built with onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    loaded = onnx.load(str(model))
    graph = loaded.graph
    for node in graph.node:
        node.input[:] = ["slowed" if name == "images" else name for name in node.input]
    for name, value in (("one", [1, 1]), ("large", [side, side])):
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
    slow = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[0, 1, 2, 3]),
        helper.make_node("Reshape", ["mean", "one"], ["flat"]),
        helper.make_node("Expand", ["flat", "large"], ["product0"]),
    ]
    for i in range(nodes):
        slow.append(helper.make_node("MatMul", [f"product{i}", f"product{i}"], [f"product{i + 1}"]))
    slow += [
        helper.make_node("ReduceMean", [f"product{nodes}"], ["end"], axes=[0, 1]),
        helper.make_node("Min", ["end", "zero"], ["nothing"]),
        helper.make_node("Add", ["images", "nothing"], ["slowed"]),
    ]
    existing = list(graph.node)
    del graph.node[:]
    graph.node.extend(slow + existing)
    onnx.save(loaded, str(model))


def test_a_slow_model_does_not_hold_up_the_end(start, tiny_bundle, blob_jpeg):
    bundle = tiny_bundle()
    make_slow(bundle / "model.onnx")
    manager = start(bundle)
    before = {thread for thread in threading.enumerate() if thread.name == "deploy.host"}
    ids = [send(manager, blob_jpeg([BLOB])) for _ in range(5)]  # a sixth would wait for the first to be through
    time.sleep(0.3)  # the workers are in the model
    begin = time.monotonic()
    assert manager.DestroyAllStreams() == 0
    assert time.monotonic() - begin < 1
    assert manager.GetResultWithUniqueId(NAME, ids[0], 100).errorCode == 6002
    # the model's run was told to end as well; its current node may take its time
    for thread in before:
        thread.join(4)
        assert not thread.is_alive()
