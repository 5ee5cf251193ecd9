"""pad: align the channel counts of an ONNX model that was pruned by anyone."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from compress.commands.declare import Verbs, answer, verb
from deploy.errors import UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "pad", pad, "align the channel counts of any pruned ONNX with zeros that change nothing")
    parser.add_argument("model", metavar="MODEL.onnx", help="the model")
    parser.add_argument(
        "--multiple", type=int, default=16, help="what counts become multiples of, 8 or 16 (default: %(default)s)"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the ONNX file to write")


def pad(options: argparse.Namespace) -> None:
    from compress.graph.graph_facts import load_onnx
    from compress.pad.pad_model import pad_model
    from deploy.whole_file import write_whole

    out = Path(options.out)
    if out.suffix != ".onnx":
        raise UsageError(f"--out is {out}, expected a file that ends in .onnx")
    if out.exists() and out.resolve() == Path(options.model).resolve():
        raise UsageError(f"--out is {out}, the very model to pad; expected another file")
    done = pad_model(load_onnx(options.model), options.multiple, options.model)
    write_whole(out, done.model.SerializeToString())
    lines = [f"{c.node}: {c.before[0]} -> {c.before[1]} becomes {c.after[0]} -> {c.after[1]}" for c in done.changes]
    lines += [f"left: {entry.node} has {entry.count} {entry.side}: {entry.reason}" for entry in done.left]
    lines.append(
        f"{len(done.changes)} convolutions changed to multiples of {options.multiple}, {len(done.left)} counts left; "
        f"both models agree within {done.difference:.1e} of the outputs' scale"
    )
    result = {
        "model": str(out),
        "multiple": options.multiple,
        "difference": done.difference,
        "changed": [dataclasses.asdict(entry) for entry in done.changes],
        "left": [dataclasses.asdict(entry) for entry in done.left],
    }
    answer(options, result, "\n".join([*lines, str(out)]))
