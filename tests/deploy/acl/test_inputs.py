"""What OMs take: every source of colours through a whole stream, and tensors of several inputs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.aipp.write import SOURCES, aipp_text
from deploy.cli import main
from deploy.host.model.om_network import OmNetwork
from tests.deploy import stand_in_atc
from tests.deploy.stand_in_atc import tensor

PACKED = ("bgr", "rgb")


def found(folder: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((folder / "image_result/a.json").read_text())["objects"]
    return listed


@pytest.mark.parametrize("source", SOURCES)
def test_boxes_are_those_of_board_numerics(
    acl: Any, tiny_bundle: Callable[..., Path], tmp_path: Path, blob_jpeg: Callable[..., bytes], source: str
) -> None:
    bundle = tiny_bundle()
    (bundle / "aipp.cfg").write_text(aipp_text(128, 128, source))
    stand_in_atc.convert(bundle / "model.onnx", bundle / "model.om", bundle / "aipp.cfg")
    if source in PACKED:
        stream = json.loads((bundle / "detect.pipeline").read_text())
        for name in ("mxpi_imagedecoder0", "mxpi_imageresize0"):
            stream["detection"][name].setdefault("props", {})["cvProcessor"] = "opencv"
        (bundle / "detect.pipeline").write_text(json.dumps(stream))
    (tmp_path / "a.jpg").write_bytes(blob_jpeg([(1, 1, 0), (5, 3, 2), (6, 6, 1)]))
    for on in ("acl", "host"):
        arguments = ["--model", str(bundle), "--on", on, "--boxes", "--out", str(tmp_path / on), "--conf", "0.2"]
        assert main(["detect", str(tmp_path / "a.jpg"), *arguments, *(["--numerics", "board"] * (on == "host"))]) == 0
    assert found(tmp_path / "acl") == found(tmp_path / "host")
    if source in ("jpeg", "video-wide", "bgr"):
        assert {one["class"] for one in found(tmp_path / "acl")} == {"red", "green", "blue"}


def test_several_inputs_go_in_by_their_order(acl: Any, tmp_path: Path) -> None:
    inputs = [tensor("image", [2, 3]), tensor("info", [1, 4], 3)]
    header = {"soc": "Ascend310B4", "cann": [7, 0], "inputs": inputs, "outputs": [tensor("y", [1])]}
    network = OmNetwork(stand_in_atc.write(tmp_path / "model.om", header))
    assert [str(port) for port in network.inputs] == ["float32 [2, 3]", "int32 [1, 4]"]
    assert network.run([np.full((2, 3), 4, np.float32), np.zeros((1, 4), np.int32)])[0].tolist() == [24.0]
    network.close()
