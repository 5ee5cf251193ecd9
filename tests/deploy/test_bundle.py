"""Opening bundles: what is refused, what is noted."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from deploy.bundle import open_bundle, rewrite
from deploy.errors import ModelError


@pytest.fixture
def bundle(tiny_bundle: Callable[..., Path]) -> Path:
    return tiny_bundle()


def change(bundle: Path, key: str, value: Any) -> None:
    description = json.loads((bundle / "bundle.json").read_text())
    description[key] = value
    (bundle / "bundle.json").write_text(json.dumps(description))


def test_an_untouched_bundle(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert (opened.names, opened.imgsz, opened.notes) == (["red", "green", "blue"], [128, 128], [])
    assert opened.atc[0] == "atc"


@pytest.mark.parametrize("name", ["model.onnx", "detect.cfg", "labels.names", "eval.pipeline", "aipp.cfg"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        open_bundle(bundle)


def test_a_changed_model_is_refused(bundle: Path) -> None:
    with (bundle / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="is not the model that was exported"):
        open_bundle(bundle)


def test_a_changed_om_is_refused(bundle: Path) -> None:
    om = bundle / "model.om"
    om.write_bytes(b"made elsewhere")
    assert open_bundle(bundle).notes == []  # nobody says what it should be
    rewrite(open_bundle(bundle), {}, add=(om.name,))
    assert open_bundle(bundle).notes == []
    om.write_bytes(b"changed")
    with pytest.raises(ModelError, match=r"is not the model that was built: .* run build.sh again"):
        open_bundle(bundle)
    assert open_bundle(bundle, ignore=(om.name,)).notes == []


def test_a_bundle_is_rewritten_whole_or_not_at_all(
    bundle: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    before = {file.name: file.read_bytes() for file in bundle.iterdir()}
    opened = open_bundle(bundle)

    with full_disk(), pytest.raises(OSError, match="No space"):
        rewrite(opened, {"aipp.cfg": "other"})
    assert {file.name: file.read_bytes() for file in bundle.iterdir()} == before
    rewrite(opened, {"aipp.cfg": "other"}, imgsz=[64, 64])
    again = open_bundle(bundle)
    assert (again.notes, again.imgsz, (bundle / "aipp.cfg").read_text()) == ([], [64, 64], "other")


@pytest.mark.parametrize("name", ["detect.cfg", "labels.names", "eval.pipeline", "aipp.cfg"])
def test_an_edited_text_is_noted(bundle: Path, name: str) -> None:
    with (bundle / name).open("a") as file:
        file.write("\n")
    notes = open_bundle(bundle).notes
    assert len(notes) == 1 and name in notes[0] and "edited" in notes[0]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        pytest.param("schema_version", 2, "'schema_version' is 2; expected 1", id="a later schema"),
        pytest.param("schema_version", True, "expected 1", id="true is no version"),
        pytest.param("kind", "plan", "'kind' is \"plan\"", id="another artefact"),
        pytest.param("names", [], "list of class names", id="no classes"),
        pytest.param("names", ["a", 1], "list of class names", id="a class that is no text"),
        pytest.param("imgsz", [320], "height, width", id="one side"),
        pytest.param("imgsz", [320, -1], "height, width", id="a negative side"),
        pytest.param("atc", "atc --model=x", "list of arguments", id="a shell string"),
        pytest.param("files", {"model.onnx": "abc"}, "SHA-256", id="no hash"),
        pytest.param("files", {}, "does not list model.onnx", id="no files"),
        pytest.param("files", {"../x": "0" * 64}, "does not stay", id="the folder above"),
        pytest.param("files", {"/etc/passwd": "0" * 64}, "does not stay", id="another folder"),
        pytest.param("files", {"..": "0" * 64}, "does not stay", id="no file at all"),
        pytest.param("files", {"C:x": "0" * 64}, "does not stay", id="another drive"),
    ],
)
def test_a_malformed_description(bundle: Path, key: str, value: Any, sentence: str) -> None:
    change(bundle, key, value)
    with pytest.raises(ModelError) as fault:
        open_bundle(bundle)
    assert sentence in str(fault.value) and "bundle.json" in str(fault.value)


@pytest.mark.parametrize("key", ["schema_version", "kind", "names", "imgsz", "atc", "files"])
def test_a_missing_key_is_named(bundle: Path, key: str) -> None:
    description = json.loads((bundle / "bundle.json").read_text())
    del description[key]
    (bundle / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match=f"the key '{key}' is missing"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"{", "is not JSON", id="cut off"),
        pytest.param(b"[]", "expected a JSON object", id="a list"),
        pytest.param(b"\xff\xfe\xff", "is not JSON", id="no text"),
        pytest.param(b"[" * 100_000, "is not JSON", id="nested beyond reason"),
    ],
)
def test_a_description_that_is_no_object(bundle: Path, content: bytes, sentence: str) -> None:
    (bundle / "bundle.json").write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        open_bundle(bundle)


def test_folders_that_are_no_bundle(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        open_bundle(tmp_path / "gone")
    with pytest.raises(ModelError, match="is a file; expected a folder"):
        open_bundle(bundle / "model.onnx")
    with pytest.raises(ModelError, match="is not a bundle: it has no"):
        open_bundle(tmp_path)
