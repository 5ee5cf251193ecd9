"""The ATC command that turns a bundle's ONNX into an OM (CANN ATC user guide), as an argument list and as a script."""

from __future__ import annotations

import re
import shlex
from typing import Any

from deploy.errors import ModelError
from deploy.wire.onnx_graph import OnnxGraph


def atc_command(
    height: int, width: int, input_name: str, outputs: list[dict[str, Any]], soc: str, model: str = "model.onnx"
) -> list[str]:
    """The arguments, to be run inside the bundle's folder, for its file `model`.

    Small-channel mode speeds up the first convolution and needs static AIPP; the outputs stay float32 because the
    SDK's post-processor reads nothing else. Outputs are named by the node that makes them, or, where one of those has
    no name, all by their tensor: ATC takes one way or the other.
    """
    if all(output["node"] for output in outputs):
        ends = [f"{output['node']}:{output.get('index', 0)}" for output in outputs]
    else:
        ends = [output["name"] for output in outputs]
    return [
        "atc",
        f"--model={model}",
        "--framework=5",
        "--output=model",
        "--input_format=NCHW",
        f"--input_shape={input_name}:1,3,{height},{width}",
        "--enable_small_channel=1",
        "--insert_op_conf=aipp.cfg",
        f"--soc_version={soc}",
        f"--out_nodes={';'.join(ends)}",
        "--output_type=FP32",
    ]


def find_outputs(graph: OnnxGraph, name: str) -> list[dict[str, Any]]:
    """The graph's outputs in their order: `name`, the `node` that makes it, its `shape`, and `index` where it is not 0.

    `name` says in errors what the graph is. Raises ModelError for an output that no node makes, whose shape is not
    fixed, or whose names ATC's option cannot hold.
    """
    makers = {tensor: (node.name, index) for node in graph.nodes for index, tensor in enumerate(node.outputs)}
    outputs = []
    for output in graph.outputs:
        if output.name not in makers:
            raise ModelError(f"{name}: no node makes the output '{output.name}'")
        node, index = makers[output.name]
        for text in (output.name, node):
            if re.search(r"[\s;:,'\"]", text):
                raise ModelError(
                    f"{name}: the name {text!r} cannot be used in --out_nodes; export it under another name"
                )
        if not all(output.shape):
            raise ModelError(f"{name}: the shape of the output '{output.name}' is not fixed; export it with batch 1")
        entry: dict[str, Any] = {"name": output.name, "node": node, "shape": list(output.shape)}
        outputs.append({**entry, "index": index} if index else entry)
    if not outputs:
        raise ModelError(f"{name}: the graph has no output")
    return outputs


def script(command: list[str]) -> str:
    """A shell script that runs the command in its own folder, for a machine that has ATC but not this project."""
    return f'#!/bin/sh\nCDPATH= cd -- "$(dirname -- "$0")" || exit\nexec {shlex.join(command)}\n'
