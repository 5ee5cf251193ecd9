"""An output option never names what is read, nor a file of another kind that is there already."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from compress.cost.calibrate import read_calibration
from compress.out_file import check_out_file
from deploy.errors import UsageError


def link(place: Path) -> None:
    place.symlink_to("in.json")


def second_name(place: Path) -> None:
    os.link("in.json", place)


@pytest.mark.parametrize(
    ("out", "made", "sentence"),
    [
        pytest.param("new.json", None, "", id="new"),
        pytest.param("new.txt", None, "ends in .json", id="another suffix"),
        pytest.param("in.json", None, "the very file that is read", id="an input"),
        pytest.param("sub/../in.json", None, "the very file that is read", id="an input by another path"),
        pytest.param("link.json", link, "the very file that is read", id="a link to an input"),
        pytest.param("name.json", second_name, "the very file that is read", id="another name of an input"),
        pytest.param("folder.json", Path.mkdir, "which is there and no file", id="a folder"),
        pytest.param("pipe.json", os.mkfifo, "which is there and no file", id="a pipe"),
        pytest.param(
            "package.json", lambda p: p.write_text('{"name": "mine"}'), "no calibration", id="somebody's own .json"
        ),
    ],
)
def test_what_an_output_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, made: Callable[[Path], object] | None, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("in.json").write_text("{}")
    if made:
        made(Path(out))

    def check() -> None:
        check_out_file("--out", Path(out), ".json", [None, "gone.json", "in.json"], "calibration", read_calibration)

    if not sentence:
        check()
        return
    with pytest.raises(UsageError, match=sentence):
        check()


@pytest.mark.parametrize(
    ("words", "file"),
    [
        pytest.param(
            "data anchors --data d/data.yaml --force --out d/data.yaml", "d/data.yaml", id="anchors over the data set"
        ),
        pytest.param("data anchors --data d/data.yaml --out mine.yaml", "mine.yaml", id="anchors over somebody's YAML"),
        pytest.param("cost m --calibrate 5 --save m/bundle.json", "m/bundle.json", id="cost over a bundle's JSON"),
        pytest.param("prune --weights w.pt --plan-only --out mine.json", "mine.json", id="a plan over somebody's JSON"),
        pytest.param("export --weights w.pt --stock w.pt", "w.pt", id="a .pt over the weights"),
        pytest.param(
            "prune --weights w.pt --plan p.json --out p.safetensors", "p.safetensors", id="a plan that is gone"
        ),
    ],
)
def test_verbs_refuse_before_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, file: str
) -> None:
    from compress.cli import main

    monkeypatch.chdir(tmp_path)
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text("precious: 1\n")
    Path("w.pt").write_text("weights")
    assert main(words.split()) in (2, 4)
    assert "error: " in capsys.readouterr().err
    assert Path(file).read_text() == "precious: 1\n" or (file == "w.pt" and Path(file).read_text() == "weights")
