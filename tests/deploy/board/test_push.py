"""The round trip to the loopback board: push, run, compare, go back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import schemas

Call = Callable[..., tuple[int, str, str]]

SURE = 0.99
"""About the confidence that the tiny model gives a pure colour."""


def box(column: int, row: int, name: str = "red", class_id: int = 0, confidence: float = SURE) -> tuple[Any, ...]:
    x, y = 16 * column, 16 * row
    return (name, class_id, confidence, x, y, x + 16, y + 16)


@pytest.fixture
def devkit(tmp_path: Path, image: Callable[..., bytes]) -> Path:
    """Three images; on the second the board misses a box, on the third it finds another class."""
    year = tmp_path / "VOCdevkit/VOC2012"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (year / name).mkdir(parents=True)
    images = {
        "a": ([(1, 1, 0), (4, 4, 1)], [box(1, 1), box(4, 4, "green", 1)]),
        "it's $(b)": ([(2, 2, 0), (5, 5, 0)], [box(2, 2)]),
        "c": ([(3, 3, 1)], [box(3, 3, "blue", 2)]),
    }
    (year / "ImageSets/Main/val.txt").write_text("".join(f"{name}\n" for name in images))
    for name, (blobs, answer) in images.items():
        (year / f"JPEGImages/{name}.jpg").write_bytes(image(blobs, answer))
        objects = "".join(
            f"<object><name>{('red', 'green', 'blue')[c]}</name><difficult>0</difficult><bndbox>"
            f"<xmin>{16 * x + 1}</xmin><ymin>{16 * y + 1}</ymin>"
            f"<xmax>{16 * x + 16}</xmax><ymax>{16 * y + 16}</ymax></bndbox></object>"
            for x, y, c in blobs
        )
        (year / f"Annotations/{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    return year.parent


@pytest.fixture
def image_set(tmp_path: Path, devkit: Path) -> tuple[Path, Path]:
    year = devkit / "VOC2012"
    return year / "ImageSets/Main/val.txt", year / "JPEGImages"


def report(out: str) -> dict[str, Any]:
    """The object on stdout, which is as docs/schemas says."""
    answer: dict[str, Any] = json.loads(out)
    schemas.validate(answer, "push")
    return answer


def test_a_push_copies_once_then_only_what_changed(call: Call, bundle: Path, pushed: Path) -> None:
    code, out, err = call("push", "--bundle", bundle, "--json")
    assert code == 0, err
    first = report(out)
    assert first["copied"]["files"] > 50 and not first["unchanged"] and first["previous"] == ""
    current = pushed / "current"
    assert str(current.readlink()) == f"releases/{first['release']}"
    model = current / "bundle/model.om"
    assert model.read_bytes() == (bundle / "model.om").read_bytes()
    assert model.stat().st_mode & 0o777 == 0o640 and not model.is_symlink()

    code, out, _ = call("push", "--bundle", bundle, "--json")
    assert code == 0 and report(out)["unchanged"] and report(out)["copied"]["files"] == 0

    (bundle / "model.om").write_bytes(b"another")
    code, out, _ = call("push", "--bundle", bundle, "--json")
    second = report(out)
    assert code == 0 and (second["copied"]["files"], second["copied"]["bytes"]) == (1, 7)
    assert second["previous"] == first["release"] and second["release"] != first["release"]
    assert (pushed / "current/bundle/model.om").read_bytes() == b"another"

    code, out, _ = call("push", "--rollback", "--json")
    assert code == 0 and (report(out)["release"], report(out)["rolled_back"]) == (first["release"], True)
    assert (pushed / "current/bundle/model.om").read_bytes() == b"om" * 1000


def test_eval_runs_there_and_is_compared(call: Call, bundle: Path, devkit: Path, tmp_path: Path) -> None:
    code, out, err = call("push", "--bundle", bundle, "--run", "eval", devkit, "--json")
    assert code == 0, err
    assert "board: evaluated 3 images" in err
    ran = report(out)["run"]
    boxes = ran["boxes"]
    assert (boxes["host"], boxes["board"], boxes["matched"], boxes["differing"]) == (5, 4, 3, 2)
    assert boxes["mean_iou"] > 0.95
    first = boxes["first_difference"]
    assert first["image"] == "it's $(b)" and "only the host has red" in first["sentence"]
    assert ran["map"]["difference"]["map50"] == ran["map"]["board"]["map50"] - ran["map"]["host"]["map50"] < 0
    assert ran["map"]["host"]["map50"] == pytest.approx(1.0)
    assert ran["timings"]["board"]["images_per_second"] > 0 and ran["timings"]["host"]["seconds"] > 0
    result = tmp_path / "push_result"
    assert json.loads((result / "push.json").read_text()) == report(out)
    assert (result / "board/txt_result/det_test_blue.txt").read_text().startswith("c 0.99")
    assert (result / "host/txt_result/det_test_green.txt").is_file()


def test_detect_brings_boxes_and_draws_them(
    call: Call, bundle: Path, image_set: tuple[Path, Path], tmp_path: Path, pushed: Path
) -> None:
    code, out, err = call("push", "--bundle", bundle, "--run", "detect", *image_set, "--conf", 0.5, "--out", "o")
    assert code == 0, err
    assert "4 on the board, 3 matched" in out and "2 of 3 images differ" in out and "it's $(b)" in out
    for side in ("board", "host"):
        for name in ("a", "it's $(b)", "c"):
            assert (tmp_path / "o" / side / f"image_result/{name}.jpg").is_file()
    assert not list((pushed / "runs").iterdir())  # the board keeps no results
    created = json.loads((pushed / "current/bundle/created.json").read_text())
    content = created["detection"]["mxpi_objectpostprocessor0"]["props"]["postProcessConfigContent"]
    assert content["SCORE_THRESH"] == "0.5"


def test_speed_stands_side_by_side(call: Call, bundle: Path, image_set: tuple[Path, Path]) -> None:
    code, out, err = call("push", "--bundle", bundle, "--run", "speed", *image_set, "--json")
    assert code == 0, err
    timings = report(out)["run"]["timings"]
    for side in ("host", "board"):
        assert timings[side]["images_per_second"] > 0 and timings[side]["latency_ms"]["p50"] > 0


def test_an_sdk_of_the_older_generation_gets_its_own_pipeline(
    call: Call, board: Any, bundle: Path, image_set: tuple[Path, Path], pushed: Path
) -> None:
    text = (bundle / "detect.pipeline").read_text()
    (bundle / "detect.sdk2.pipeline").write_text(text + "\n")
    description = json.loads((bundle / "bundle.json").read_text())
    description["files"]["detect.sdk2.pipeline"] = "0" * 64
    (bundle / "bundle.json").write_text(json.dumps(description))
    (board.home / "MindX_SDK/mxVision-5.0.0/version.info").write_text("2.0.4\n")
    code, _, err = call("push", "--bundle", bundle, "--run", "detect", *image_set, "--no-compare")
    assert code == 0, err
    assert "the board runs detect.sdk2.pipeline" in err
    assert (pushed / "current/bundle/created.json").read_text() == text + "\n"


def test_a_second_run_copies_no_image_again(call: Call, bundle: Path, image_set: tuple[Path, Path]) -> None:
    arguments = ("push", "--bundle", bundle, "--run", "detect", *image_set, "--no-compare", "--json")
    first, second = (report(call(*arguments)[1]) for _ in range(2))
    assert first["copied"]["files"] > 50 and second["copied"]["files"] == 0
    assert second["run"]["boxes"] is None and second["run"]["timings"]["host"] is None


def test_what_a_login_script_prints_does_no_harm(call: Call, board: Any, bundle: Path) -> None:
    (board.home / ".ssh").mkdir()
    (board.home / ".ssh/rc").write_text(
        'echo "welcome \x1b[31m to {the board}"; printf "{no end"; touch "$HOME/greeted"\n'
    )
    board.give()
    code, _, err = call("push", "--bundle", bundle)
    assert code == 0, err
    assert (board.home / "greeted").exists()


def test_an_eval_that_only_lacks_numpy_has_not_failed(
    call: Call, board: Any, bundle: Path, devkit: Path, pushed: Path
) -> None:
    """A board without numpy is the normal case: the detections are there, and are scored here."""
    module = board.home / "MindX_SDK/mxVision-5.0.0/python/numpy.py"
    module.write_text("raise ImportError('no numpy here', name='numpy')\n")
    code, _, err = call("push", "--bundle", bundle, "--run", "eval", devkit, "--no-compare", "--json")
    assert code == 0, err
    assert "scoring them needs numpy" in err
    assert (pushed / "current").exists() and not list(pushed.glob("releases/*/.failed"))  # it can be gone back to
