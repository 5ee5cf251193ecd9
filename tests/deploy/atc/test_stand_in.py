"""The stand-in for ATC refuses what the real one refuses, each with its code, so that a wrong command cannot pass."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.atc.command import atc_command, find_outputs
from deploy.wire.onnx_graph import read_onnx_graph
from tests.deploy.atc import stand_in


@pytest.fixture
def command(tiny_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    bundle = tiny_bundle(imgsz=(96, 128))
    monkeypatch.chdir(bundle)
    return atc_command(96, 128, "images", find_outputs(read_onnx_graph(bundle / "model.onnx"), "m"), "Ascend310")[1:]


def test_our_command_passes(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert stand_in.main(command) == 0
    assert "ATC run success" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "code"),
    [
        pytest.param("--model=", "E10054", id="an empty value"),
        pytest.param("--model=gone.onnx", "E10410", id="no such model"),
        pytest.param("--model=aipp.cfg", "E10041", id="no model at all"),
        pytest.param("--framework=3", "E10001", id="another framework"),
        pytest.param("--soc_version=Ascend31", "E10001", id="no chip"),
        pytest.param("--input_format=NHWC", "E10003", id="ONNX is NCHW"),
        pytest.param("--enable_small_channel=true", "E10003", id="1, not true"),
        pytest.param("--output_type=float32", "E10003", id="FP32, not float32"),
        pytest.param("--output=gone/model", "E10022", id="no such folder"),
        pytest.param("--insert_op_conf=gone.cfg", "E10410", id="no such AIPP file"),
        pytest.param("--insert_op_conf=detect.cfg", "E10052", id="no AIPP file"),
        pytest.param('--input_shape="images:1,3,96,128"', "E10054", id="quotes that a shell would have taken"),
        pytest.param("--input_shape=images=1,3,96,128", "E10002", id="malformed"),
        pytest.param("--input_shape=image:1,3,96,128", "E10016", id="no such input"),
        pytest.param("--input_shape=images:3,96,128", "E10049", id="three dimensions"),
        pytest.param("--input_shape=images:1,3,-1,128", "E10011", id="a free dimension"),
        pytest.param("--out_nodes=Transpose_260:0", "E11017", id="seeds' node names"),
        pytest.param("--out_nodes=Transpose_8:1", "E10001", id="no such output of the node"),
        pytest.param("--out_nodes=Transpose_8:0;out16", "E10001", id="both ways at once"),
        pytest.param("--out_nodes=out8;outsixteen", "E10016", id="no such tensor"),
        pytest.param("--what=1", "E10001", id="no such option"),
        pytest.param("--input_fp16_nodes=images", "E10034", id="half precision behind AIPP"),
    ],
)
def test_wrong_options(command: list[str], option: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = option.partition("=")[0] + "="
    assert stand_in.main([*(entry for entry in command if not entry.startswith(name)), option]) == 1
    assert code in capsys.readouterr().out
    assert not Path("model.om").exists()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param(["--framework=5"], "E10001", id="twice"),
        pytest.param(["--dynamic_batch_size=1,2", "--dynamic_image_size=1,2"], "E10009", id="two kinds of dynamic"),
        pytest.param(["--precision_mode=x", "--precision_mode_v2=y"], "E10009", id="two precision modes"),
        pytest.param(["model.onnx"], "E10001", id="no option"),
    ],
)
def test_options_too_many(command: list[str], more: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert stand_in.main([*command, *more]) == 1
    assert code in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["model", "framework", "output", "soc_version"])
def test_options_too_few(command: list[str], missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert stand_in.main([entry for entry in command if not entry.startswith(f"--{missing}=")]) == 1
    assert "E10007" in capsys.readouterr().out
