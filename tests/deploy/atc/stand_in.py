"""A program that stands in for ATC: checks its arguments as the real one documents them, and writes a file for an OM.

Exclusions, value ranges and codes: CANN's ATC user guide and its error registry. `STAND_IN_OPSET` in the environment is
the newest opset it reads (default 11, as CANN 5.0).
"""

import os
import re
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

SOCS = {"Ascend310", "Ascend310P1", "Ascend310P3", "Ascend310B1", "Ascend310B4", "Ascend910A"}
TAKES = {
    "model", "framework", "output", "soc_version", "input_shape", "input_format", "insert_op_conf",
    "enable_small_channel", "out_nodes", "output_type", "input_fp16_nodes", "precision_mode", "precision_mode_v2",
    "dynamic_batch_size", "dynamic_image_size", "dynamic_dims", "log", "op_select_implmode", "optypelist_for_implmode",
}  # fmt: skip
EXCLUSIVE = [("dynamic_batch_size", "dynamic_image_size", "dynamic_dims"), ("precision_mode", "precision_mode_v2")]
CHOICES = {
    "input_format": {"NCHW", "ND"},
    "enable_small_channel": {"0", "1"},
    "output_type": {"FP32", "FP16", "UINT8", "INT8"},
    "log": {"debug", "info", "warning", "error", "null"},
}


class Refused(Exception):
    pass


def read_onnx(path):
    """The message of the onnx package, without the rest of the package, which takes long to import."""
    (folder,) = find_spec("onnx").submodule_search_locations
    spec = spec_from_file_location("onnx_ml_pb2", Path(folder) / "onnx_ml_pb2.py")
    messages = module_from_spec(spec)
    spec.loader.exec_module(messages)
    return messages.ModelProto.FromString(Path(path).read_bytes())


def need(fine, code, text):
    if not fine:
        raise Refused(f"{code}: {text}")


def read_options(arguments):
    options = {}
    for argument in arguments:
        match = re.fullmatch(r"--([a-z0-9_]+)=(.*)", argument)
        need(match, "E10001", f"{argument!r} is no option")
        name, value = match.groups()
        need(name in TAKES, "E10001", f"there is no option --{name}")
        need(name not in options, "E10001", f"--{name} is given twice")
        need(value and value == value.strip("\"' "), "E10054", f"--{name} is empty or holds quotes")
        options[name] = value
    for name in ("model", "framework", "output", "soc_version"):
        need(name in options, "E10007", f"--{name} is required")
    for names in EXCLUSIVE:
        need(sum(name in options for name in names) < 2, "E10009", f"{names} exclude each other")
    for name, values in CHOICES.items():
        need(name not in options or options[name] in values, "E10003", f"the value of --{name} is invalid")
    need(options["framework"] == "5", "E10001", "only ONNX is stood in for")
    soc = options["soc_version"]
    need(soc in SOCS, "E10001", f"Value {soc} for parameter --soc_version is invalid")
    return options


def read_aipp(path):
    need(Path(path).is_file(), "E10410", f"{path} does not exist")
    lines = [line.partition("#")[0].strip() for line in Path(path).read_text().splitlines()]
    body = re.fullmatch(r"aipp_op\s*\{(.*)\}\s*", "\n".join(lines), re.DOTALL)
    need(body, "E10052", "AIPP configuration is invalid. Reason: no aipp_op")
    pairs = [tuple(part.strip() for part in line.split(":")) for line in body.group(1).splitlines() if line.strip()]
    aipp = dict(pairs)
    need(len(aipp) == len(pairs), "E10052", "AIPP configuration is invalid. Reason: a key is given repeatedly")
    need(aipp.get("aipp_mode") == "static", "E10052", "aipp_mode must be configured as static or dynamic")
    need(aipp.get("input_format") in ("YUV420SP_U8", "RGB888_U8"), "E10052", "Input format of AIPP conf must be set")
    need(aipp.get("related_input_rank", "0") == "0", "E10052", "related_input_rank is not found")
    return aipp


def check_model(options):
    need(Path(options["model"]).is_file(), "E10410", f"{options['model']} does not exist")
    try:
        model = read_onnx(options["model"])
    except Exception as error:
        raise Refused(f"E10041: failed to load the model: {error}") from None
    need(model.graph.node, "E16001", "the model has no node")
    newest = int(os.environ.get("STAND_IN_OPSET", "11"))
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset > newest:
        kind = model.graph.node[0].op_type
        need(False, "E19010", f"No parser is registered for Op [x, optype [ai.onnx::{opset}::{kind}]].")
    weights = {entry.name for entry in model.graph.initializer}
    inputs = {
        entry.name: [side.dim_value for side in entry.type.tensor_type.shape.dim]
        for entry in model.graph.input
        if entry.name not in weights
    }
    for part in options.get("input_shape", "").split(";") if "input_shape" in options else []:
        name, colon, sides = part.rpartition(":")
        need(colon and re.fullmatch(r"-?\d+(,-?\d+)*", sides), "E10002", f"--input_shape={part} is malformed")
        need(name in inputs, "E10016", f"Opname [{name}] specified in --input_shape is not found in the model")
        shape = [int(side) for side in sides.split(",")]
        need(len(shape) == len(inputs[name]), "E10049", f"{name} has {len(inputs[name])} dimensions")
        need(all(side > 0 for side in shape), "E10011", f"a dimension of {name} is not positive")
        need(shape == inputs[name], "E19999", "inner error: shapes do not match")
    nodes = {node.name: node for node in model.graph.node}
    tensors = {name for node in model.graph.node for name in node.output}
    ends = options["out_nodes"].split(";") if "out_nodes" in options else []
    by_node = [re.fullmatch(r"(.+):(\d+)", end) for end in ends]
    need(all(by_node) or not any(by_node), "E10001", "--out_nodes mixes nodes and tensors")
    for end, match in zip(ends, by_node):
        if match:
            name, index = match.group(1), int(match.group(2))
            need(name in nodes, "E11017", f"Failed to find node [{name}] specified in --out_nodes")
            need(index < len(nodes[name].output), "E10001", f"{name} has no output {index}")
        else:
            need(end in tensors, "E10016", f"Opname [{end}] specified in --out_nodes is not found in the model")
    return inputs


def main(arguments):
    print("ATC start working now, please wait for a moment.", flush=True)
    try:
        options = read_options(arguments)
        inputs = check_model(options)
        if "insert_op_conf" in options:
            need("input_fp16_nodes" not in options, "E10034", "Nodes connected to AIPP must not be of type FP16")
            aipp = read_aipp(options["insert_op_conf"])
            size = [int(aipp.get(f"src_image_size_{side}", 0)) for side in "hw"]
            (shape,) = inputs.values()
            need(size in ([0, 0], shape[2:]), "E10052", f"AIPP configuration is invalid. Reason: {size} is not {shape}")
            need(aipp["input_format"] != "YUV420SP_U8" or not any(s % 2 for s in size), "E10052", "odd size")
        folder = Path(options["output"]).parent
        need(folder.is_dir(), "E10022", f"{folder} does not exist")
    except Refused as refusal:
        print(f"{refusal}\nATC run failed, Please check the detail log, Try 'atc --help' for more information")
        return 1
    Path("fusion_result.json").write_text("{}")
    Path("kernel_meta").mkdir(exist_ok=True)
    om = Path(options["output"] + ".om")
    om.write_bytes(b"stand-in for " + options["soc_version"].encode())
    om.chmod(0o666)
    print("ATC run success, welcome to the next use.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
