"""--numerics from the command line down to the plugins."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.host.numerics import BOARD, FLOAT, Numerics, current, numerics_for
from deploy.run.session import open_stream
from deploy.run.target import Target


@pytest.mark.parametrize(
    ("numerics", "soc", "expected"),
    [
        pytest.param("float", "", FLOAT, id="float"),
        pytest.param("board", "Ascend310", BOARD, id="board"),
        pytest.param("board", "Ascend310B1", replace(BOARD, int8="310B"), id="310B is as 310 but for int8"),
        pytest.param("board", "Ascend310P3", Numerics(True, "twice", True, "310P"), id="310P"),
        pytest.param(Numerics(half=True), "Ascend310P1", Numerics(half=True, chip="310P"), id="a stage of its own"),
    ],
)
def test_numerics_for(numerics, soc, expected):
    assert numerics_for(numerics, soc) == expected


def test_an_unknown_word():
    with pytest.raises(ValueError, match="expected one of board, float"):
        numerics_for("half")
    assert current() == FLOAT


def plugins_numerics(stream):
    """What the running decoder was created with."""
    engine = next(iter(stream._api._streams.values())).engine
    return next(plugin._numerics for plugin in engine._plugins if plugin.name == "mxpi_imagedecoder0")


@pytest.mark.parametrize(
    ("task", "numerics", "expected"),
    [
        pytest.param("eval", None, BOARD, id="eval: board by default"),
        pytest.param("detect", None, FLOAT, id="detect and speed: float by default"),
        pytest.param("eval", "float", FLOAT, id="eval in floats"),
        pytest.param("detect", "board", BOARD, id="detect as the board"),
    ],
)
def test_defaults_by_task(tiny_bundle, task, numerics, expected):
    with open_stream(Target(tiny_bundle(), on="host", numerics=numerics), task) as (stream, _):
        assert plugins_numerics(stream) == expected


def test_the_chip_is_the_bundles(tiny_bundle):
    folder = tiny_bundle()
    description = json.loads((folder / "bundle.json").read_text())
    description["atc"] = [entry.replace("Ascend310", "Ascend310P3") for entry in description["atc"]]
    (folder / "bundle.json").write_text(json.dumps(description))
    with open_stream(Target(folder, on="host"), "eval") as (stream, _):
        assert plugins_numerics(stream).chip == "310P"


def test_board_and_float_find_the_same_blobs(tmp_path, tiny_bundle, blob_jpeg, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").write_bytes(blob_jpeg([(1, 2, 0), (5, 5, 1), (6, 1, 2)]))
    Path("set.txt").write_text("a\n")
    bundle = str(tiny_bundle())
    counts = []
    for numerics in ("board", "float"):
        assert main(["detect", "set.txt", "images", "--model", bundle, "--numerics", numerics, "--json"]) == 0
        counts.append(json.loads(capsys.readouterr().out)["objects"])
    assert counts == [{"red": 1, "green": 1, "blue": 1}] * 2


def test_on_a_board_it_says_that_it_is_for_the_host(tmp_path, tiny_bundle, monkeypatch, capsys):
    stand_in = tmp_path / "sdk"
    stand_in.mkdir()
    (stand_in / "StreamManagerApi.py").write_text(
        "from deploy.host.api import MxDataInput, MxDataOutput, StreamManagerApi as Api, StringVector\n"
        "class StreamManagerApi(Api):\n    SetNumerics = None\n"
    )
    monkeypatch.syspath_prepend(str(stand_in))
    monkeypatch.delitem(sys.modules, "StreamManagerApi", raising=False)
    folder = tiny_bundle()
    (folder / "model.om").write_bytes(b"")
    with open_stream(Target(folder, on="board", numerics="float"), "detect"):
        pass
    sys.modules.pop("StreamManagerApi", None)
    assert "--numerics is for the host engine" in capsys.readouterr().err
