"""Validation as a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compress.data.data_yaml import load_data_yaml
from compress.nets.yolov5 import Yolov5
from compress.stages.model import Model
from compress.stages.val import ValSettings, val
from compress.val.validate import Validator


def test_scores_of_a_model_in_memory(
    least_model: Callable[..., Yolov5], tiny_data: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The validator's numbers, with the letterbox that the model's history asks for; nothing is printed."""
    data = tiny_data()
    (data.parent / "images" / "val" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    model = Model(least_model(), [{"stage": "train", "settings": {"letterbox": "grey"}}])
    done = val(ValSettings(weights=model, data=str(data)))
    expected = Validator(load_data_yaml(data), "val", 64, "grey")(least_model())
    assert (done.map50, done.map50_95, done.f1) == tuple(expected[key] for key in ("map50", "map50_95", "f1"))
    assert (done.letterbox, done.imgsz, done.ap50) == ("grey", 64, expected["ap50"])
    assert [row.name for row in done.classes] == ["all", "a", "b", "c"]
    assert len(done.faults) == 1 and "torn.jpg" in done.faults[0]
    assert done._repr_html_().count("<tr>") == 5
    assert capsys.readouterr() == ("", "")
