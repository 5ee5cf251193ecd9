"""The ATC command that turns a bundle's ONNX into an OM (CANN ATC user guide)."""

from __future__ import annotations

from typing import Any


def atc_command(height: int, width: int, input_name: str, outputs: list[dict[str, Any]], soc: str) -> list[str]:
    """The arguments, to be run inside the bundle's folder.

    Small-channel mode speeds up the first convolution and needs static AIPP; the outputs stay float32 because the
    SDK's post-processor reads nothing else.
    """
    nodes = ";".join(f"{output['node']}:0" for output in outputs)
    return [
        "atc",
        "--model=model.onnx",
        "--framework=5",
        "--output=model",
        "--input_format=NCHW",
        f"--input_shape={input_name}:1,3,{height},{width}",
        "--enable_small_channel=1",
        "--insert_op_conf=aipp.cfg",
        f"--soc_version={soc}",
        f"--out_nodes={nodes}",
        "--output_type=FP32",
    ]
