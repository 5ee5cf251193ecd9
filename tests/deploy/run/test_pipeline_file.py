"""What the commands read from a pipeline file and change in it for one run."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import ModelError
from deploy.run.pipeline_file import PipelineFile


def pipeline(folder: Path, **post: Any) -> PipelineFile:
    """A pipeline with one post-processor that has these properties."""
    elements = {"stream_config": {"deviceId": "0"}, "post0": {"factory": "mxpi_objectpostprocessor", "props": post}}
    (folder / "x.pipeline").write_text(json.dumps({"detection": elements}))
    return PipelineFile(folder / "x.pipeline", folder)


def content(file: PipelineFile) -> dict[str, str]:
    found: dict[str, str] = json.loads(file.text)["detection"]["post0"]["props"]["postProcessConfigContent"]
    return found


def test_the_text_stays_as_it_is_without_changes(tiny_bundle: Callable[..., Path]) -> None:
    bundle = tiny_bundle()
    file = PipelineFile(bundle / "eval.pipeline", bundle)
    file.set_thresholds(None, None)
    assert file.text == (bundle / "eval.pipeline").read_text()
    assert file.stream_name == "detection"
    assert file.class_names() == ["red", "green", "blue"]
    assert file.missing_models() == [bundle / "model.om"]


def test_a_long_config_in_the_pipeline_is_no_file_name(tmp_path: Path) -> None:
    text = json.dumps({f"KEY_{number}": "1" for number in range(60)})
    assert 255 < len(text) < 1024
    file = pipeline(tmp_path, postProcessConfigContent=text)
    assert file.files() == []
    assert file.own_files() == []


@pytest.mark.parametrize(
    ("location", "outside"),
    [
        pytest.param("out.json", False, id="inside"),
        pytest.param("/tmp/out.json", True, id="absolute"),
        pytest.param("../out.json", True, id="above"),
        pytest.param("link/out.json", True, id="by a link"),
        pytest.param("", False, id="nothing is written"),
    ],
)
@pytest.mark.parametrize("factory", ["filesink", "mxpi_dumpdata"])
def test_what_a_stream_writes_outside(tmp_path: Path, factory: str, location: str, outside: bool) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    elements = {"sink0": {"factory": factory, "props": {"location": location}}}
    (tmp_path / "run" / "x.pipeline").write_text(json.dumps({"detection": elements}))
    found = PipelineFile(tmp_path / "run" / "x.pipeline", tmp_path / "run").writes_outside()
    assert found == (("sink0", location) if outside else None)


def test_a_pipe_is_no_pipeline(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.pipeline")
    with pytest.raises(ModelError, match="not a regular file"):
        PipelineFile(tmp_path / "x.pipeline", tmp_path)


def test_the_content_means_what_the_file_means(tmp_path: Path) -> None:
    (tmp_path / "x.cfg").write_bytes(
        b"CLASS_NUM=3 # three\r\nCLASS_NUM=9\r\nBIASES=1,2, 3,4\n  SCORE_THRESH = 0.4\nIOU_THRESH=0.5\n"
        b"SEPARATE_SCORE_THRESH=0.1,0.2,0.3\nTAB\t=1\nno equals sign\nFRAMEWORK=PyTorch 1.8\nEMPTY=\n"
    )
    file = pipeline(tmp_path, postProcessConfigPath="x.cfg")
    file.set_thresholds(0.25, None)
    assert content(file) == {
        "CLASS_NUM": "3",  # the first definition, without its comment
        "BIASES": "1,2,",  # cut at the blank, as the SDK reads it
        "SCORE_THRESH": "0.25",
        "OBJECTNESS_THRESH": "0.25",
        "IOU_THRESH": "0.5",
        "FRAMEWORK": "PyTorch",
        "EMPTY": "",
    }


def test_iou_alone_leaves_the_scores(tmp_path: Path) -> None:
    (tmp_path / "x.cfg").write_text("SCORE_THRESH=0.4\nSEPARATE_SCORE_THRESH=0.1,0.2\n")
    file = pipeline(tmp_path, postProcessConfigPath="x.cfg")
    file.set_thresholds(None, 1e-05)
    assert content(file) == {"SCORE_THRESH": "0.4", "SEPARATE_SCORE_THRESH": "0.1,0.2", "IOU_THRESH": "1e-05"}


@pytest.mark.parametrize("as_text", [False, True], ids=["an object", "its text"])
def test_content_that_is_there_wins_over_the_path(tmp_path: Path, as_text: bool) -> None:
    given = {"CLASS_NUM": "3", "SCORE_THRESH": "0.4"}
    props = {"postProcessConfigContent": json.dumps(given) if as_text else given, "postProcessConfigPath": "gone.cfg"}
    file = pipeline(tmp_path, **props)
    file.set_thresholds(0.0, None)
    assert content(file) == {"CLASS_NUM": "3", "SCORE_THRESH": "0.0", "OBJECTNESS_THRESH": "0.0"}


@pytest.mark.parametrize(
    ("props", "sentence"),
    [
        pytest.param({"postProcessConfigPath": "gone.cfg"}, "gone.cfg", id="no such cfg"),
        pytest.param({}, "no threshold can be set", id="no cfg at all"),
        pytest.param({"postProcessConfigContent": {"A": 1}}, "as a string", id="a number in the content"),
    ],
)
def test_thresholds_that_cannot_be_set(tmp_path: Path, props: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        pipeline(tmp_path, **props).set_thresholds(0.5, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("{", "is not JSON", id="cut off"),
        pytest.param("[1]", "expected a JSON object", id="a list"),
        pytest.param('{"a": 1}', "expected a JSON object", id="a stream that is a number"),
        pytest.param('{"a": {}, "b": {}}', "holds 2 streams; expected one", id="two streams"),
        pytest.param("{}", "holds 0 streams", id="no stream"),
        pytest.param("[" * 100_000, "is not JSON", id="nested beyond reason"),
    ],
)
def test_files_that_are_no_pipeline(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "x.pipeline").write_text(text)
    with pytest.raises(ModelError, match=sentence):
        PipelineFile(tmp_path / "x.pipeline", tmp_path)


def test_class_names_need_one_label_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected one labelPath"):
        pipeline(tmp_path, postProcessConfigPath="x.cfg").class_names()
    with pytest.raises(ModelError, match="no label file"):
        pipeline(tmp_path, labelPath="gone.names").class_names()
    (tmp_path / "empty.names").write_text("")
    with pytest.raises(ModelError, match="holds no class name"):
        pipeline(tmp_path, labelPath="empty.names").class_names()
