"""The images on which two models differ: which they are, in which order, and how much of the page they take."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress.report.page import worst
from deploy.results.detections import Detection

BOX = Detection("a", 0, 0.9, 10, 10, 40, 40)


def test_the_worst_come_first() -> None:
    one = {"i0": [BOX], "i1": [BOX], "i2": [BOX._replace(confidence=0.3)], "i3": [BOX._replace(confidence=0.2)]}
    other = {"i1": [BOX._replace(x0=60, x1=90)], "i0": [BOX]}
    found = worst.differences(one, other)
    assert [(entry.name, entry.alone) for entry in found] == [("i1", (1, 1)), ("i2", (1, 0))]
    assert found[0].weight == pytest.approx(1.8)


def test_what_is_shown_of_each_pair(devkit: Path) -> None:
    images = devkit / "VOC2007" / "JPEGImages"
    models = {"x": {"i0": [BOX], "gone": [BOX]}, "y": {"i0": []}, "z": {"i0": [BOX], "i1": [BOX]}}
    found = worst.worst_images(models, images)
    shown = {
        pair["titles"]: ([entry["name"] for entry in pair["images"]], pair["differing"]) for pair in found["pairs"]
    }
    assert shown == {("x", "y"): (["i0"], 2), ("x", "z"): (["i1"], 2), ("y", "z"): (["i0", "i1"], 2)}
    assert len(found["shots"]) == 2, "an image stands in the page once, whatever pairs show it"
    assert (found["shots"][0]["width"], found["shots"][0]["height"]) == (96, 80)
    first, second = found["pairs"][0]["images"][0]["boxes"]
    assert first == [{"x": 10, "y": 10, "width": 30, "height": 30, "words": "a 0.90"}] and second == []


def test_images_have_an_end(devkit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worst, "MOST_BYTES", 0)
    images = devkit / "VOC2007" / "JPEGImages"
    found = worst.worst_images({"x": {"i0": [BOX]}, "y": {}}, images)
    assert found["shots"] == [] and found["pairs"][0]["differing"] == 1
