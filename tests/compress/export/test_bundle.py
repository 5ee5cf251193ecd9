"""The bundle: everything in one folder, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compress.export.bundle import write_bundle
from compress.export.onnx_file import OnnxModel
from compress.export.streams import config_text, labels_text, pipeline_text, sdk2_pipeline_text
from compress.nets.size import flops, parameters
from compress.nets.yolov5 import Yolov5
from deploy.aipp.read import read_aipp
from deploy.aipp.rule import aipp_rule
from deploy.aipp.write import aipp_text
from deploy.atc.command import atc_command
from deploy.bundle import open_bundle
from deploy.errors import ReportedError, UsageError

TEXTS = {
    "aipp.cfg",
    "labels.names",
    "detect.cfg",
    "eval.cfg",
    "detect.pipeline",
    "eval.pipeline",
    "detect.sdk2.pipeline",
    "detect.video.pipeline",
    "eval.sdk2.pipeline",
}
HISTORY = [{"stage": "train", "settings": {"epochs": 3}}, {"stage": "export"}]
Write = Callable[..., Path]


@pytest.fixture
def write(exported: tuple[Yolov5, OnnxModel], tmp_path: Path) -> Write:
    """Writes tmp_path/out/bundle, or the folder given, with this history."""

    def make(out: Path = tmp_path / "out" / "bundle", history: list[dict[str, Any]] = HISTORY) -> Path:
        return write_bundle(*exported, out, 64, history, "Ascend310B1")

    return make


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_and_description(exported: tuple[Yolov5, OnnxModel], write: Write) -> None:
    model, onnx_model = exported
    folder = write()
    files = content(folder)
    description = json.loads(files.pop("bundle.json"))
    assert set(files) == {"model.onnx", *TEXTS}
    assert description == {
        "schema_version": 1,
        "kind": "bundle",
        "architecture": "yolov5",
        "imgsz": [64, 64],
        "stride": [8, 16, 32],
        "anchors": model.anchors_px(),
        "names": ["a", "b", "c"],
        "input": {"name": "images", "shape": [1, 3, 64, 64]},
        "outputs": onnx_model.outputs,
        "atc": atc_command(64, 64, "images", onnx_model.outputs, "Ascend310B1"),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        "parameters": parameters(model),
        "flops": flops(model, 64),
        "history": HISTORY,
    }
    texts = {
        "aipp.cfg": aipp_text(64, 64),
        "labels.names": labels_text(model.names),
        "detect.cfg": config_text("detect", model.names, model.anchors_px()),
        "eval.cfg": config_text("eval", model.names, model.anchors_px()),
        "detect.pipeline": pipeline_text("detect", 64, 64, "model.om"),
        "eval.pipeline": pipeline_text("eval", 64, 64, "model.om"),
        "detect.sdk2.pipeline": sdk2_pipeline_text("detect", 64, 64, "model.om"),
        "eval.sdk2.pipeline": sdk2_pipeline_text("eval", 64, 64, "model.om"),
        "detect.video.pipeline": pipeline_text("detect", 64, 64, "model.om", video=True),
    }
    assert files == {"model.onnx": onnx_model.content, **{name: text.encode() for name, text in texts.items()}}
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"], "the temporary folder is gone"


def test_the_edge_side_opens_it_wherever_it_lies(write: Write, tmp_path: Path) -> None:
    moved = tmp_path / "on a board" / "模型"
    moved.parent.mkdir()
    shutil.move(write(), moved)
    bundle = open_bundle(moved)
    assert (bundle.names, bundle.imgsz, bundle.notes) == (["a", "b", "c"], [64, 64], [])
    rule = aipp_rule(read_aipp(moved / "aipp.cfg"), (3, 64, 64), "aipp.cfg")
    assert rule.scales[:3] == pytest.approx((1 / 255,) * 3)
    for pipeline in moved.glob("*.pipeline"):
        (stream,) = json.loads(pipeline.read_bytes()).values()
        props = [value for element in stream.values() for value in element.get("props", {}).items()]
        named = {key: value for key, value in props if key in ("modelPath", "postProcessConfigPath", "labelPath")}
        assert len(named) == 3
        for value in named.values():
            assert value == "model.om" or (moved / value).is_file(), f"{pipeline.name} names {value}"
            assert "/" not in value and "\\" not in value
    for name in bundle.atc:
        assert str(tmp_path) not in name


def test_other_users_can_read_it(write: Write) -> None:
    assert write().stat().st_mode & 0o755 == 0o755


def test_a_bundle_is_replaced_and_kept_beside_the_new_one(write: Write) -> None:
    folder = write()
    (folder / "model.om").write_bytes(b"made from the old model")
    (folder / "detect.cfg").write_text("edited")
    write(history=[])
    files = content(folder)
    assert set(files) == {"bundle.json", "model.onnx", *TEXTS}
    assert json.loads(files["bundle.json"])["history"] == []
    assert files["detect.cfg"] != b"edited"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["bundle", "bundle.prev"]
    assert content(folder.with_name("bundle.prev"))["detect.cfg"] == b"edited"
    with pytest.raises(UsageError, match=r"holds detect\.cfg, which would be lost and was changed"):
        write(history=[])


def test_an_empty_folder_is_filled(write: Write, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (write(tmp_path / "empty") / "bundle.json").is_file()


def test_nothing_else_is_replaced(write: Write, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "precious").write_text("p")
    (tmp_path / "file").write_text("f")
    for out, is_no in ((work, "bundle"), (tmp_path / "file", "folder")):
        with pytest.raises(UsageError, match=rf"--out .*: exists and is no {is_no}; expected a new folder or a bundle"):
            write(out)
    assert content(work) == {"precious": b"p"}
    assert (tmp_path / "file").read_text() == "f"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "work"]


def fail(method: str, wanted: Callable[[Path], bool], fault: BaseException) -> Callable[[pytest.MonkeyPatch], None]:
    """Path's own method, but for the paths that `wanted` picks out: the disk is full, or the user lost patience."""
    real = getattr(Path, method)

    def replaced(self: Path, *arguments: Any, **options: Any) -> Any:
        if wanted(self):
            raise fault
        return real(self, *arguments, **options)

    return lambda monkeypatch: monkeypatch.setattr(Path, method, replaced)


def new(path: Path) -> str:
    """The name of a file that is written, "" for one of the bundle that was there."""
    return "" if path.parent.name == "bundle" else path.name


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("spoil", "raised"),
    [
        pytest.param(fail("open", lambda p: new(p) == "model.onnx", FULL), ReportedError, id="at the model"),
        pytest.param(fail("open", lambda p: new(p) == "bundle.json", FULL), ReportedError, id="at the last file"),
        pytest.param(
            fail("rename", lambda p: p.name not in ("bundle", "bundle.prev"), FULL),
            ReportedError,
            id="after the old bundle was moved aside",
        ),
        pytest.param(
            fail("open", lambda p: new(p) == "bundle.json", KeyboardInterrupt()), KeyboardInterrupt, id="Ctrl-C"
        ),
        pytest.param(
            fail("rename", lambda p: p.name not in ("bundle", "bundle.prev"), KeyboardInterrupt()),
            KeyboardInterrupt,
            id="Ctrl-C after the old bundle was moved aside",
        ),
    ],
)
@pytest.mark.parametrize("existing", [True, False])
def test_failure_leaves_what_was_there(
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[pytest.MonkeyPatch], None],
    raised: type[BaseException],
    existing: bool,
) -> None:
    before = content(write()) if existing else {}
    spoil(monkeypatch)
    with pytest.raises(raised) as caught:
        write(history=[])
    monkeypatch.undo()
    if raised is ReportedError:
        assert str(caught.value).startswith(str(tmp_path / "out"))
        assert "cannot be written (No space left on device" in str(caught.value)
    assert [path.name for path in (tmp_path / "out").iterdir()] == (["bundle"] if existing else [])
    if existing:
        assert content(tmp_path / "out" / "bundle") == before


def test_a_file_in_the_way(write: Write, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("f")
    with pytest.raises(ReportedError, match=r"file: cannot be written \((File exists|Not a directory)\)"):
        write(tmp_path / "file" / "bundle")
    assert (tmp_path / "file").read_text() == "f"
