"""detect with a pipeline that pulls and decodes its video itself, on the host from files and a real RTSP server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import main
from deploy.video import frames as frames_module
from tests.deploy.host import h264
from tests.deploy.video.rtsp_server import RtspServer

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]
SETS = h264.parameter_sets(128, 128)


def image(column: int, number: int) -> bytes:
    """A red square in that column of the third row."""
    luma, blue, red = h264.flat(31)
    luma[32:48, 16 * column : 16 * column + 16] = 81
    blue[16:24, 8 * column : 8 * column + 8], red[16:24, 8 * column : 8 * column + 8] = 90, 240
    return h264.key_image(luma, blue, red, number=number)


@pytest.fixture
def bundle(tiny_bundle: Callable[..., Path]) -> Path:
    folder = tiny_bundle()
    stream = json.loads((folder / "detect.pipeline").read_text())["detection"]
    del stream["appsrc0"], stream["mxpi_imagedecoder0"]
    stream["mxpi_rtspsrc0"] = {
        "factory": "mxpi_rtspsrc",
        "props": {"rtspUrl": "rtsp://camera.example/stream"},
        "next": "mxpi_videodecoder0",
    }
    stream["mxpi_videodecoder0"] = {"factory": "mxpi_videodecoder", "next": "mxpi_imageresize0"}
    stream["mxpi_imageresize0"]["props"]["parentName"] = "mxpi_videodecoder0"
    (folder / "detect.video.pipeline").write_text(json.dumps({"detection": stream}))
    return folder


@pytest.fixture
def call(bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.h264").write_bytes(SETS + b"".join(image(column, column) for column in range(6)))

    def run(verb: str, *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
        pipeline = ("--model", bundle, "--pipeline", bundle / "detect.video.pipeline")
        code = main([verb, *map(str, (*arguments, *pipeline))])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, [json.loads(line) for line in printed.out.splitlines()], printed.err

    return run


@pytest.mark.parametrize("numerics", ["float", "board"])
def test_a_file_through_the_pipeline(call: Call, numerics: str) -> None:
    code, lines, err = call("detect", "a.h264", "--numerics", numerics)
    assert code == 0, err
    assert [line["frame"] for line in lines] == list(range(6))
    for column, line in enumerate(lines):
        (found,) = line["objects"]
        assert found["class"] == "red" and found["box"] == pytest.approx([16 * column, 32, 16 * column + 16, 48], abs=3)
    assert "6 frames in" in err and "0 dropped" in err and "mxpi_videodecoder0 = " in err


def test_json(call: Call) -> None:
    code, (report,), _ = call("detect", "a.h264", "--json", "--frames", 4)
    assert code == 0 and report["frames"] == 4 and report["objects"] == {"red": 4} and report["on"] == "host"


def test_an_rtsp_stream(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "PAUSES", (0.05, 0.1))
    server = RtspServer(SETS, [image(3, 0), image(3, 1)], [20])
    try:
        code, lines, err = call("detect", server.url)
    finally:
        server.close()
    assert code == 0, err
    dropped = int(err.split(" dropped")[0].split()[-1])
    assert len(lines) + dropped == 20 and all(line["objects"][0]["class"] == "red" for line in lines)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(("detect", "camera:0"), 2, "pulls RTSP streams; for camera:0", id="a camera"),
        pytest.param(("detect", "a.h264", "--save", "x.mp4"), 2, "--save needs the frames", id="frames stay inside"),
        pytest.param(("detect", "rtsp://127.0.0.1:9/x"), 5, "cannot be opened", id="nobody there"),
        pytest.param(("detect", "bundle"), 2, "pulls its video itself", id="a folder of images"),
        pytest.param(("speed", "bundle"), 2, "pulls its video itself", id="another verb"),
    ],
)
def test_wrong_calls(call: Call, arguments: tuple[str, ...], code: int, words: str, blob_jpeg: Any) -> None:
    Path("bundle/a.jpg").write_bytes(blob_jpeg([(1, 1, 0)]))
    found, _, err = call(*arguments)
    assert found == code and words in err and err.count("error: ") == 1
