"""val and detect: what a checkpoint scores and what it finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from compress.channels.prunable_gammas import prunable_gammas
from compress.cli import main
from compress.nets.checkpoint import save_checkpoint
from compress.report.drawn import sources_in
from compress.train.settings import network_side
from compress.val.validate import Validator
from deploy.errors import UsageError
from deploy.video import frames as frames_module
from tests.deploy.stand_in_capture import Capture

Answer = dict[str, Any]


@pytest.fixture
def place(tmp_path: Path, least_model: Any, tiny_data: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a data set, a checkpoint of its classes, one that was trained with grey, and one of two classes."""
    monkeypatch.chdir(tmp_path)
    tiny_data()
    model = least_model()
    save_checkpoint(model, tmp_path / "w.safetensors", [])
    trained = {"stage": "train", "settings": {"letterbox": "grey"}}
    save_checkpoint(model, tmp_path / "grey.safetensors", [trained, {"stage": "prune", "settings": {}}])
    save_checkpoint(least_model(["a", "b"]), tmp_path / "two.safetensors", [])
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> Answer:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    answer: Answer = json.loads(capsys.readouterr().out)
    return answer


def test_val(place: Path, least_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are the validator's, in the table as in the JSON."""
    from compress.data.data_yaml import load_data_yaml

    words = ("val", "--weights", "w.safetensors", "--data", "tiny/data.yaml", "--split", "test")
    found = asked(capsys, *words, "--json")
    expected = Validator(load_data_yaml("tiny/data.yaml"), "test", 64)(least_model())
    assert {key: found[key] for key in ("map50", "map75", "map50_95", "f1")} == {
        key: pytest.approx(expected[key]) for key in ("map50", "map75", "map50_95", "f1")
    }
    assert (found["split"], found["imgsz"], found["letterbox"]) == ("test", 64, "board")
    every, *classes = found["classes"]
    assert [row["name"] for row in classes] == ["a", "b", "c"]
    assert every["images"] == 4 and every["objects"] == sum(row["objects"] for row in classes)
    assert {row["name"]: row["ap50"] for row in classes} == expected["ap50"]
    counted = [row for row in classes if row["objects"]]
    assert every["ap50_95"] == pytest.approx(np.mean([row["ap50_95"] for row in counted]))
    assert every["recall"] == pytest.approx(np.mean([row["recall"] for row in counted]))
    assert set(found["milliseconds"]) == {"pre-process", "inference", "post-process"}

    assert main(list(words)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Class", "Images", "Objects", "P", "R", "mAP@0.5", "mAP@0.5:0.95"]
    assert [line.split()[0] for line in lines[1:5]] == ["all", "a", "b", "c"]
    assert "ms inference" in lines[-1]


@pytest.mark.parametrize(
    ("words", "letterbox"),
    [
        pytest.param(("w.safetensors",), "board", id="nothing is known: the board's"),
        pytest.param(("grey.safetensors",), "grey", id="as it was trained"),
        pytest.param(("grey.safetensors", "--letterbox", "board"), "board", id="as told"),
    ],
)
def test_letterbox(place: Path, words: tuple[str, ...], letterbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "val", "--json", "--data", "tiny/data.yaml", "--weights", *words)["letterbox"] == letterbox


def video(file: Path, frames: int) -> None:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 80))
    for number in range(frames):
        writer.write(np.full((80, 96, 3), 20 * number, np.uint8))
    writer.release()


def test_detect(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Images of folders keep their folders; of two with one name both are there; an older result moves aside."""
    source = place / "in"
    (source / "sub").mkdir(parents=True)
    for name in ("one.jpg", "one.png", "sub/deep.JPG"):
        cv2.imwrite(str(source / name), np.full((80, 96, 3), 90, np.uint8))
    (source / "notes.txt").write_text("no image")
    (source / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    (source / "torn_list.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    video(source / "film.avi", 3)
    words = ("detect", "--weights", "w.safetensors", "--source", source, "--conf", "0.001", "--out", "found", "--json")
    found = asked(capsys, *words)
    assert (found["pictures"], found["frames"]) == (3, 3)
    assert [sentence.endswith("it is left out") and "torn" in sentence for sentence in found["left_out"]] == [
        True,
        True,
    ]
    names = sorted(str(path.relative_to("found")) for path in Path("found").rglob("*") if path.is_file())
    assert names == [".made_by", "film.mp4", "one_jpg.jpg", "one_png.jpg", str(Path("sub", "deep.jpg"))]
    reader = cv2.VideoCapture("found/film.mp4")
    assert (reader.get(cv2.CAP_PROP_FRAME_COUNT), reader.get(cv2.CAP_PROP_FRAME_WIDTH)) == (3, 96)
    assert sum(found["objects"].values()) > 0
    assert len(np.unique(cv2.imread("found/one_jpg.jpg").reshape(-1, 3), axis=0)) > 20, "boxes are drawn"

    none = asked(capsys, *words[:-5], "--conf", "1", "--out", "found", "--json")
    assert sum(none["objects"].values()) == 0
    assert Path("found.prev", "film.mp4").is_file()
    plain = cv2.imread("found/one_jpg.jpg")
    assert np.abs(plain.astype(int) - 90).max() < 4, "nothing is drawn above that confidence"


@pytest.mark.parametrize("source", ["0", "camera:0", "/dev/video0"])
def test_a_camera(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """Also where its device is there, which is a path that exists."""
    made = type("Made", (Capture,), {"scripts": [[np.full((80, 96, 3), 90, np.uint8)] * 9], "pause": 0.01})
    monkeypatch.setattr(cv2, "VideoCapture", made)
    monkeypatch.setattr(frames_module, "PAUSES", (0.01,))
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/video0" or exists(path))
    words = ("detect", "--weights", "w.safetensors", "--source", source, "--frames", "3", "--out", "found", "--json")
    found = asked(capsys, *words)
    assert (found["pictures"], found["frames"], found["left_out"]) == (0, 3, [])
    assert [file.name for file in Path("found").glob("*.mp4")] == ["live_0.mp4"]


@pytest.mark.parametrize(
    ("files", "places"),
    [
        pytest.param(["a.jpg", "b.jpg"], ["a", "b"], id="names as they are"),
        pytest.param(["a.jpg", "a.png"], ["a_jpg", "a_png"], id="two kinds of one name"),
        pytest.param(["x/a.jpg", "y/a.jpg", "z/a.jpg"], ["a_jpg", "a_jpg_2", "a_jpg_3"], id="one name, three folders"),
        pytest.param(["x/a.jpg", "y/a.jpg", "a_jpg.png"], ["a_jpg_2", "a_jpg_3", "a_jpg"], id="the new name is taken"),
        pytest.param(["a.jpg", "A.jpg"], ["a_jpg", "A_jpg_2"], id="some file systems do not tell these apart"),
    ],
)
def test_every_source_has_a_file_of_its_own(tmp_path: Path, files: list[str], places: list[str]) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = sources_in([tmp_path / name for name in files])
    assert found == [(tmp_path / name, Path(place)) for name, place in zip(files, places, strict=True)]


BAD: list[Any] = [
    (("val", "--weights", "w.safetensors", "--data", "gone.yaml"), 3, "gone.yaml does not exist"),
    (("val", "--weights", "two.safetensors", "--data", "tiny/data.yaml"), 3, "the 3 classes a, b, c, the weights have"),
    (("val", "--weights", "w.safetensors", "--data", "tiny/data.yaml", "--split", "vla"), 2, "(did you mean 'val'?)"),
    (("val", "--weights", "w.safetensors", "--data", "tiny/data.yaml", "--imgsz", "65"), 2, "--imgsz is 65, expected"),
    (("val", "--weights", "w.safetensors", "--data", "tiny/data.yaml", "--batch-size", "0"), 2, "--batch-size is 0"),
    (("val", "--weights", "w.safetensors", "--data", "empty.yaml"), 3, "empty.yaml: the val split is empty"),
    (("detect", "--weights", "w.safetensors", "--source", "gone"), 3, "gone: there is no such image"),
    (("detect", "--weights", "w.safetensors", "--source", "tiny/data.yaml"), 3, "neither an image nor a video"),
    (("detect", "--weights", "w.safetensors", "--source", "empty"), 3, "empty: holds no image and no video"),
    (("detect", "--weights", "w.safetensors", "--source", "torn.mp4"), 3, "none of 1 images and videos can be used"),
    (
        ("detect", "--weights", "w.safetensors", "--source", "tiny", "--conf", "40"),
        2,
        "--conf is 40.0, expected 0",
    ),
]


@pytest.mark.parametrize(("words", "code", "sentence"), BAD, ids=[f"{row[0][0]}: {row[2]}" for row in BAD])
def test_bad_input(
    place: Path, words: tuple[str, ...], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "empty").mkdir()
    (place / "torn.mp4").write_bytes(b"no video")
    (place / "empty.yaml").write_text("train: tiny/images/train\nval: empty\nnames: [a, b, c]\n")
    before = sorted(place.rglob("*"))
    assert main(list(words)) == code
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("error: ") and sentence in err[-1]
    assert sorted(path for path in place.rglob("*") if path.name != "runs") == before, "nothing is left behind"


def test_a_rectangular_input_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in (["train", "--data", "d.yaml"], ["val", "--weights", "w", "--data", "d"], ["export", "--weights", "w"]):
        for sides in (["384x640"], ["384", "640"]):
            with pytest.raises(SystemExit) as caught:
                main([*verb, "--imgsz", *sides])
            assert caught.value.code == 2
            assert "inputs are square here; expected one side, such as 640" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["384x640", "640X384", "384,640", "[384, 640]", "(384, 640)", "384*640", "384 640"])
def test_two_sides_are_told_however_they_are_written(text: str) -> None:
    with pytest.raises(UsageError, match="network inputs are square here; expected one side, such as 640"):
        network_side(text)


def test_gammas_takes_weights_as_the_other_verbs_do(
    place: Path, least_model: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, "gammas", "--weights", "w.safetensors", "--out", "a", "--json")["layers"]
    largest = {name: gamma.abs().max().item() for name, gamma in prunable_gammas(least_model(), "group").items()}
    assert {row["layer"]: row["max"] for row in found} == pytest.approx(largest, abs=1e-5)
    rest = asked(capsys, "gammas", "w.safetensors", "--out", "b", "--protect", "model.5", "--json")["layers"]
    assert {row["layer"] for row in found} - {row["layer"] for row in rest} == {"model.5.cv1.bn", "model.5.cv2.bn"}
