"""The detect command on the host engine: what it writes, what it says, what it does with bad images."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli import main
from deploy.results.ours import mark
from deploy.run import detect
from deploy.run.detect import MAKER

ROOT = Path(__file__).resolve().parents[3]
BLOBS = [(1, 2, 0), (5, 5, 2)]


class Work:
    """A folder with a bundle, good images p0, p1 .. and their image set; commands run there."""

    def __init__(self, folder: Path, bundle: Path, jpeg: bytes) -> None:
        self.folder = folder
        self.bundle = bundle
        self.jpeg = jpeg
        self.images = folder / "images"
        self.images.mkdir()

    def add(self, name: str, content: bytes | None = None, suffix: str = ".jpg") -> None:
        (self.images / (name + suffix)).write_bytes(self.jpeg if content is None else content)
        with (self.folder / "set.txt").open("a") as file:
            file.write(name + "\n")

    def detect(self, *arguments: object) -> int:
        return main(["detect", "set.txt", "images", "--model", str(self.bundle), *map(str, arguments)])

    def result(self, name: str) -> Path:
        return self.folder / "image_result" / name


@pytest.fixture
def work(
    tmp_path: Path,
    tiny_bundle: Callable[..., Path],
    blob_jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Work:
    monkeypatch.chdir(tmp_path)
    return Work(tmp_path, tiny_bundle(), blob_jpeg(BLOBS))


def test_images_with_boxes_and_one_line_each(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.add("p0")
    work.add("p1", suffix=".JPEG")
    assert work.detect() == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["p0: 2 objects (red x1, blue x1)", "p1: 2 objects (red x1, blue x1)"]
    assert out[2].startswith("2 images: 4 objects (red x2, blue x2)")
    for name in ("p0.jpg", "p1.jpg"):
        drawn = cv2.imread(str(work.result(name)))
        assert drawn.shape == (128, 128, 3)
        assert np.abs(drawn.astype(int) - cv2.imdecode(np.frombuffer(work.jpeg, np.uint8), 1)).max() > 100
    assert not work.result("failed_images.txt").exists()
    assert Path.cwd() == work.folder  # back from the bundle's folder


def test_many_in_flight_come_back_in_order(
    work: Work, blob_jpeg: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(30):
        large = {"width": 1024, "height": 1024, "cell": 128} if i % 4 == 0 else {}  # slower to decode than the others
        work.add(f"p{i}", blob_jpeg([(x, 1, 0) for x in range(0, 2 * (i % 3), 2)], **large))
    assert work.detect() == 0
    lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[:30]]
    assert lines == [[f"p{i}:", str(i % 3)] for i in range(30)]


def test_json_is_one_object_on_stdout(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.add("p0")
    work.add("bad", b"")
    assert work.detect("--json", "--out", "deep/er") == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "images": 2,
        "failed_images": 1,
        "objects": {"red": 1, "blue": 1},
        "out": str(work.folder / "deep/er/image_result"),
        "host": True,
    }


def _jpeg(height: int, width: int, channels: int = 3) -> bytes:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return cv2.imencode(".jpg", np.full(shape, 20, np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(None, "there is no bad.jpg", id="missing"),
        pytest.param(b"", "bad.jpg is empty", id="empty"),
        pytest.param(_jpeg(128, 128)[:400], "error 20", id="truncated"),
        pytest.param(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes(), "not a JPEG", id="PNG"),
        pytest.param(b"hello", "not a JPEG", id="text"),
        pytest.param(_jpeg(16, 16), "16", id="16 px, below the 32 px of the decoder"),
    ],
)
def test_a_bad_image_is_reported_counted_and_ends_nothing(
    work: Work, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
) -> None:
    work.add("p0")
    work.add("bad", b"" if content is None else content)
    if content is None:
        (work.images / "bad.jpg").unlink()
    work.add("p1")
    assert work.detect("--json") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert (report["images"], report["failed_images"], report["objects"]) == (3, 1, {"red": 2, "blue": 2})
    faults = [line for line in printed.err.splitlines() if line.startswith("image bad failed: ")]
    assert len(faults) == 1 and sentence in faults[0]
    assert work.result("failed_images.txt").read_text() == "bad\n"
    assert sorted(file.name for file in work.result("").iterdir()) == [
        ".made_by",
        "failed_images.txt",
        "p0.jpg",
        "p1.jpg",
    ]


def test_a_grayscale_image_works(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.add("gray", _jpeg(96, 128, 1))
    assert work.detect() == 0
    assert capsys.readouterr().out.startswith("gray: 0 objects\n")
    assert cv2.imread(str(work.result("gray.jpg"))).shape[:2] == (96, 128)


@pytest.mark.parametrize("numerics", ["board", "float"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_lie_on_their_objects_however_exif_turns_the_image(work: Work, orientation: int, numerics: str) -> None:
    """One green square in the stored pixels at the left of the upper edge: the drawn box is where it is shown."""
    entry = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + entry
    pixels = np.full((64, 128, 3), 20, np.uint8)
    pixels[0:16, 16:32] = (0, 255, 0)
    plain = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    work.add("turned", plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:])
    assert work.detect("--boxes", "--numerics", numerics) == 0
    shown = cv2.imread(str(work.images / "turned.jpg"))
    rows, columns = np.nonzero(shown[..., 1].astype(int) - shown[..., 2] > 120)
    drawn = cv2.imread(str(work.result("turned.jpg")))
    assert drawn.shape == shown.shape
    (found,) = json.loads(work.result("turned.json").read_text())["objects"]
    expected = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert found["box"] == pytest.approx(expected, abs=2.5)
    changed = np.abs(drawn.astype(int) - shown).max(axis=2) > 25
    centre = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
    assert changed[:, columns.min()].any() and changed[centre[0], columns.max() - 1 : columns.max() + 2].any()


def test_a_photo_that_was_drawn_on_the_wrong_pixels(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = shared / "cases/case03"
    monkeypatch.chdir(tmp_path)
    assert main(["detect", str(case / "set.txt"), str(case), "--boxes", "--model", str(ROOT / "models/demo")]) == 0
    drawn = cv2.imread("image_result/turned.jpg")
    assert drawn.shape == cv2.imread(str(case / "turned.jpg")).shape == (240, 320, 3)


def test_all_images_failed_is_bad_data_and_keeps_the_old_results(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    work.result("").mkdir()
    work.result(".made_by").write_text("detect")
    work.result("old").write_text("old")
    work.add("bad", b"x")
    assert work.detect() == 3
    assert "all 1 images failed" in capsys.readouterr().err
    assert work.result("old").read_text() == "old"
    assert not [entry for entry in work.folder.iterdir() if entry.name.startswith(".")]


def test_old_results_move_aside(work: Work) -> None:
    work.add("p0")
    for expected in ("first", "second"):
        work.result("").mkdir(exist_ok=True)
        work.result("mark.json").write_text(expected)
        mark(work.result(""), MAKER)
        assert work.detect() == 0
        assert (work.folder / "image_result.prev/mark.json").read_text() == expected
        assert not work.result("mark.json").exists()


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        pytest.param(b"p0\r\n\r\np0\r\n", 0, "blank lines", id="Windows line ends, blank lines, a name twice"),
        pytest.param(b"\xef\xbb\xbfp0\n", 0, "", id="byte order mark"),
        pytest.param(b"../p0\n", 3, "'../p0'", id="parent folder"),
        pytest.param(b"..\n", 3, "'..'", id="only the parent folder"),
        pytest.param(b"a/p0\n", 3, "'a/p0'", id="another folder"),
        pytest.param(b"\n\n", 3, "is empty", id="nothing"),
        pytest.param(b"\xff\xfe", 3, "not UTF-8", id="not text"),
        pytest.param(b"p0.jpg\n", 3, "names without suffix", id="names with suffix"),
    ],
)
def test_image_sets(work: Work, capsys: pytest.CaptureFixture[str], content: bytes, code: int, sentence: str) -> None:
    work.add("p0")
    (work.folder / "set.txt").write_bytes(content)
    assert work.detect("--json") == code
    printed = capsys.readouterr()
    assert sentence in printed.err
    if code == 0:
        assert json.loads(printed.out)["images"] == 1


def test_conf_and_iou_hold_for_one_run(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.add("p0")
    before = {file.name: file.read_bytes() for file in work.bundle.iterdir()}
    assert work.detect("--conf", "1", "--iou", "0.9", "--json") == 0
    assert json.loads(capsys.readouterr().out)["objects"] == {}
    assert {file.name: file.read_bytes() for file in work.bundle.iterdir()} == before


def test_another_pipeline_of_the_bundle(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.add("p0")
    text = (work.bundle / "detect.pipeline").read_text()
    (work.folder / "my.pipeline").write_text(text.replace("labels.names", "my.names"))
    (work.bundle / "my.names").write_text("a\nb\nc\n")
    assert work.detect("--pipeline", "my.pipeline", "--json") == 0
    assert json.loads(capsys.readouterr().out)["objects"] == {"a": 1, "c": 1}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["--conf", "1.5"], 2, "--conf 1.5", id="conf above 1"),
        pytest.param(["--iou", "nan"], 2, "--iou nan", id="iou not a number"),
        pytest.param(["--pipeline", "gone.pipeline"], 4, "gone.pipeline does not exist", id="no such pipeline"),
        pytest.param(["--model", "gone"], 4, "gone does not exist", id="no such bundle"),
        pytest.param(["--out", "set.txt"], 2, "set.txt", id="out is a file"),
    ],
)
def test_wrong_arguments(
    work: Work, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    work.add("p0")
    assert work.detect(*arguments) == code
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("error: ") and sentence in err[-1]


def test_the_demo_model_is_taken_and_named(
    work: Work, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.run.target.DEMO", work.bundle)
    work.add("p0")
    assert main(["detect", "set.txt", "images"]) == 0
    assert f"running the demo model in {work.bundle}" in capsys.readouterr().err


def test_an_edited_cfg_is_used_with_a_note(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.add("p0")
    cfg = work.bundle / "detect.cfg"
    cfg.write_text(cfg.read_text().replace("SCORE_THRESH=0.4", "SCORE_THRESH=1"))
    assert work.detect("--json") == 0
    printed = capsys.readouterr()
    assert "detect.cfg was edited" in printed.err
    assert json.loads(printed.out)["objects"] == {}


def test_run_sh_takes_paths_relative_to_where_it_is_called(work: Work) -> None:
    work.add("p0")
    command = ["bash", str(ROOT / "run.sh"), "detect", "set.txt", "images", "--model", "bundle", "--out", "my out"]
    environment = {**os.environ, "AYS_PYTHON": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("p0: 2 objects")
    assert (work.folder / "my out/image_result/p0.jpg").is_file()


def test_interrupt_ends_with_130_and_keeps_the_old_results(work: Work) -> None:
    work.result("").mkdir()
    work.result(".made_by").write_text("detect")
    work.result("old").write_text("old")
    work.add("p0")
    with (work.folder / "set.txt").open("a") as file:
        for i in range(1000):
            (work.images / f"q{i}.jpg").symlink_to("p0.jpg")
            file.write(f"q{i}\n")
    command = [sys.executable, "-m", "deploy", "detect", "set.txt", "images", "--model", str(work.bundle)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=work.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "p0: 2 objects (red x1, blue x1)\n"
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - asked < 5
    assert process.returncode == 130
    assert "Traceback" not in err and err.splitlines()[-1].startswith("interrupted")
    assert work.result("old").read_text() == "old"
    assert not [entry for entry in work.folder.iterdir() if entry.name.startswith(".")]


def test_a_reader_that_goes_away_ends_the_run_quietly(work: Work) -> None:
    for i in range(300):
        work.add(f"p{i}")
    command = f"'{sys.executable}' '{ROOT}/deploy' detect set.txt images --model bundle | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=work.folder, capture_output=True, text=True)
    assert done.stdout == "p0: 2 objects (red x1, blue x1)\n"
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_a_run_with_boxes_is_another_run(
    work: Work, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Continued with --boxes, the images before the break would have no list."""
    for name in ("p0", "p1", "p2"):
        work.add(name)
    with monkeypatch.context() as patch:
        wrote, count = detect.write_image, iter(range(9))

        def broken(*arguments: Any) -> None:
            if next(count) == 2:
                raise KeyboardInterrupt
            wrote(*arguments)

        patch.setattr(detect, "write_image", broken)
        patch.setattr("deploy.results.resumable.SAVE_SECONDS", 0.0)
        assert work.detect() == 130
    capsys.readouterr()
    assert work.detect("--resume", "--boxes") == 2
    assert "had another --boxes" in capsys.readouterr().err
    assert work.detect("--resume") == 0
    assert sorted(path.name for path in (work.folder / "image_result").glob("p*")) == ["p0.jpg", "p1.jpg", "p2.jpg"]


def test_a_long_configuration_inside_the_pipeline(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    """Longer than any file's name may be."""
    work.add("p0")
    pipeline = work.bundle / "detect.pipeline"
    text = pipeline.read_text(encoding="utf-8")
    content = json.loads(text)
    (elements,) = content.values()
    (props,) = [
        e["props"] for e in elements.values() if isinstance(e, dict) and "postProcessConfigPath" in e.get("props", {})
    ]
    lines = (work.bundle / props.pop("postProcessConfigPath")).read_text(encoding="utf-8").splitlines()
    told = dict(line.split("=") for line in lines) | {f"MORE_{number}": "1" for number in range(60)}
    props["postProcessConfigContent"] = json.dumps(told)
    own = work.bundle / "own.pipeline"
    own.write_text(json.dumps(content), encoding="utf-8")
    assert len(props["postProcessConfigContent"]) > 600
    assert work.detect("--pipeline", own) == 0
    inside = capsys.readouterr().out.splitlines()[0]
    assert work.detect() == 0
    assert capsys.readouterr().out.splitlines()[0] == inside != "p0: 0 objects"
