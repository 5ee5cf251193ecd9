"""The page of `report`: what stands in it, what is refused, and that it needs nothing from elsewhere."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from compress.cli import main
from compress.report.page.charts import on_frontier
from compress.report.page.gamma_frames import MOST, frames_of
from compress.report.page.sources import find_sources
from compress.stages.report import LARGEST, _is_ours
from compress.train.gamma_log import EDGES, GammaEpoch


def test_the_page(made: Any) -> None:
    text = made.text
    dense, slim, _ = made.answer["models"]
    assert (dense["title"], slim["title"]) == ("dense/bundle", "slim <b>"), "the run and its bundle are one model"
    assert dense["map50"] == pytest.approx(1.0) and dense["against_first"] is None
    # AP of b: 4 of 6 found, each rightly
    assert slim["map50"] == pytest.approx((1 + 4 / 6) / 2)
    assert slim["against_first"]["map50"]["difference"] == pytest.approx(slim["map50"] - 1)
    assert slim["parameters"] < dense["parameters"]
    ladder = [(rung["rung"], rung["recorded"], rung["holds"]) for rung in dense["ladder"]]
    forms = ("checkpoint", "onnx", "simplified", "float", "board")
    assert [rung for rung, _, _ in ladder] == list(forms), "the checkpoint of a run is where its ladder begins"
    assert ladder[:-1] == [(form, False, True) for form in forms[:-1]]
    # the first layer's values are beyond half precision
    assert ladder[-1] == ("board", False, False) and "First broken rung: host, board numerics" in text
    assert len(text.encode()) < LARGEST
    assert "slim &lt;b&gt;" in text and "slim <b>" not in text
    charts = ("frontier-flops", "frontier-parameters", "frontier-estimate", "channels-2", "training-1", "gammas-1")
    for ident in (*charts, "search-3", "sensitivity-1"):
        assert f'id="{ident}"' in text, ident
    assert "bash run.sh compress report" in text
    for file in (made.file, made.file.with_name("g.gif")):
        _is_ours(file)  # and may be replaced


def test_nothing_comes_from_elsewhere(made: Any) -> None:
    text = made.text
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert "url(" not in re.sub(r"url\(#", "", text) and "@import" not in text
    assert "default-src 'none'" in text


def test_ids_are_there_once_and_charts_have_names(made: Any) -> None:
    text = made.text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    pointed = set(re.findall(r'(?:href="#|url\(#|aria-labelledby=")([\w:.-]+)', text))
    assert pointed <= set(ids)
    for chart in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        root = ElementTree.fromstring(chart)
        if root.get("aria-hidden"):
            continue  # it holds the images that others show
        assert root.get("role") == "img" and root.get("aria-label")
        assert "#010101" not in chart and "#1001" not in chart


def test_both_languages_are_complete(made: Any) -> None:
    text = made.text
    pairs = re.findall(r'<span lang="en">(.*?)</span><span lang="zh-CN">(.*?)</span>', text, re.DOTALL)
    assert len(pairs) > 30
    assert text.count('<span lang="en">') == text.count('<span lang="zh-CN">') == len(pairs)
    assert all(english.strip() and chinese.strip() for english, chinese in pairs)


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        pytest.param([(1, 0.5)], [0], id="one point"),
        pytest.param([(2, 0.5), (1, 0.6), (3, 0.7)], [1, 2], id="the first costs more and is worse"),
        pytest.param([(1, 0.5), (1, 0.6)], [1], id="equal cost: the more accurate one"),
        pytest.param([(1, 0.5), (2, 0.5)], [0], id="equal accuracy: the cheaper one"),
    ],
)
def test_frontier(points: list[tuple[float, float]], kept: list[int]) -> None:
    assert on_frontier(points) == kept


def test_many_epochs_become_few_frames() -> None:
    counts = np.zeros(len(EDGES), np.int64)
    counts[0], counts[50] = 1, 3
    frames = frames_of([GammaEpoch(number, {"x": counts}) for number in range(1, 301)])
    assert len(frames.epochs) == MOST and (frames.epochs[0], frames.epochs[-1]) == (1, 300)
    assert frames.counts.sum(axis=1).tolist() == [4] * MOST
    assert frames.near == [0.25] * MOST


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param(["report", "nothing"], 3, "nothing: there is no such run", id="no such path"),
        pytest.param(["report", "{devkit}"], 3, "neither a bundle", id="a folder of another kind"),
        pytest.param(["report", "{dense}", "{dense}"], 2, "is given twice", id="a model twice"),
        pytest.param(["report", "x={dense}", "x={pruned}"], 2, "'x' is given twice", id="a title twice"),
        pytest.param(["report", "{dense}", "--out", "page.pdf"], 2, "ends in .html", id="no page"),
        pytest.param(["report", "{dense}", "--out", "{own}/index.html"], 2, "no result of report", id="another page"),
        pytest.param(
            ["report", "{sparse}", "--gif", "{own}/cat.gif"], 2, "no result of report", id="another animation"
        ),
        pytest.param(["report", "{dense}", "--speed"], 2, "--speed needs --devkit", id="speed without images"),
        pytest.param(["report", "{dense}", "--gif", "g.gif"], 3, "needs a sparse run", id="no gammas"),
        pytest.param(
            ["report", "{dense}", "--devkit", "{devkit}", "--results", "y={dense}"], 2, "names 'y'", id="unknown title"
        ),
        pytest.param(
            ["report", "x={dense}", "--devkit", "{devkit}", "--results", "x=none"], 3, "does not exist", id="no results"
        ),
        pytest.param(["report", "{int8}"], 2, "a sensitivity alone is no model", id="no model"),
        pytest.param(
            ["report", "{dense}", "--device", "x=none"], 2, "--device needs --devkit", id="boxes of no images"
        ),
    ],
)
def test_what_is_refused(
    words: list[str],
    code: int,
    sentence: str,
    material: Path,
    devkit: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"dense": material / "dense" / "bundle", "pruned": material / "pruned" / "bundle", "devkit": devkit}
    places |= {"int8": material / "int8", "sparse": material / "runs/sparse", "own": devkit}
    for name in ("index.html", "cat.gif"):
        (devkit / name).write_text("mine")
    assert main([word.format(**places) for word in words]) == code
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_names_that_steer_a_terminal_or_are_no_utf_8(
    material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["\x1b[31mred", "bell\x07 \x00", os.fsdecode(b"caf\xe9")]
    sources = [f"{name}={material}/{place}" for name, place in zip(names, ("runs/sparse", "dense/bundle", "search"))]
    out = tmp_path / f"{names[-1]}.html"
    assert main(["report", *sources, "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text + capsys.readouterr().out)
    assert "\\u001b[31mred" in text and "\\udce9" in text


def test_detections_of_another_model_are_not_taken(material: Path, tmp_path: Path) -> None:
    """Where two bundles lie in one folder, nobody knows whose txt_result it is."""
    import shutil

    from compress.report.page.assemble import Row
    from compress.stages.report import _found_results

    shutil.copytree(material / "dense", tmp_path / "both")
    (source,) = find_sources([tmp_path / "both" / "bundle"])
    (tmp_path / "both" / "txt_result").touch()
    assert _found_results(Row(1, source)) == tmp_path / "both" / "txt_result"
    shutil.copytree(material / "pruned" / "bundle", tmp_path / "both" / "bundle2")
    assert _found_results(Row(1, source)) is None
