"""The speed command on the host engine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.speed import repeated

PLUGINS = {
    "mxpi_imagedecoder0",
    "mxpi_imageresize0",
    "mxpi_tensorinfer0",
    "mxpi_objectpostprocessor0",
    "mxpi_dataserialize0",
}


@pytest.fixture
def arguments(
    tmp_path: Path, tiny_bundle: Callable[..., Path], blob_jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(f"{name}.jpg").write_bytes(blob_jpeg([(1, 1, 0)]))
    Path("c.jpg").write_bytes(b"broken")
    Path("set.txt").write_text("a\nb\nc\n")
    return ["speed", "set.txt", ".", "--model", str(tiny_bundle())]


def test_json_has_what_the_contract_says(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert set(report) == {
        "schema_version",
        "images",
        "failed_images",
        "images_per_second",
        "latency_ms",
        "plugins_ms",
        "host",
    }
    assert (report["schema_version"], report["images"], report["failed_images"], report["host"]) == (1, 3, 1, True)
    latency = report["latency_ms"]
    assert list(latency) == ["p50", "p90", "p99"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
    assert set(report["plugins_ms"]) == PLUGINS
    # The plugins work inside the latency, so that together they cannot take longer.
    assert 0 < sum(report["plugins_ms"].values()) < 2 * latency["p99"]
    assert report["images_per_second"] > 0
    # However often the set is repeated, a picture that failed is reported once.
    assert printed.err.count("picture c failed") == 1


def test_lines_for_people_name_the_host(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "images per second = " in out and "p50 = " in out and "not that of a board" in out


def test_all_pictures_failed(arguments: list[str]) -> None:
    Path("set.txt").write_text("c\n")
    assert main(arguments) == 3


@pytest.mark.parametrize(
    ("names", "fewest", "expected"),
    [
        pytest.param(["a", "b"], 5, ["a", "b", "a", "b", "a"], id="a small set goes round"),
        pytest.param(["a", "b", "c"], 2, ["a", "b", "c"], id="a large one is used once"),
    ],
)
def test_repeated(names: list[str], fewest: int, expected: list[str]) -> None:
    assert repeated(names, fewest) == expected
