"""export: write the bundle."""

from __future__ import annotations

import argparse
from typing import Any

from compress.commands.declare import Verbs, answer, side, verb
from compute_mAP.class_names import read_names
from deploy.errors import UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "export", export, "write the bundle that the host and the board run, or a .pt for ultralytics")
    parser.add_argument(
        "--weights", required=True, metavar="FILE", help="a checkpoint, or a .pt of YOLOv5 or ultralytics"
    )
    parser.add_argument("--imgsz", type=side, help="side of the square network input in pixels (default: as trained)")
    parser.add_argument("--out", metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument(
        "--stock",
        metavar="FILE.pt",
        help="write a .pt that a stock ultralytics loads, validates, predicts with and exports (not: trains, "
        "for that rebuilds the dense model)",
    )
    parser.add_argument("--names", metavar="FILE", help="class names, one a line, in place of those in the weights")
    parser.add_argument(
        "--images", metavar="DIR", help="JPEG images to prove the ONNX on (default: two of ultralytics')"
    )
    parser.add_argument("--soc", default="Ascend310", help="the chip, as ATC names it (default: %(default)s)")


def export(options: argparse.Namespace) -> None:
    from compress.export.bundle import check_out, write_bundle
    from compress.export.onnx_file import to_onnx
    from compress.export.stock import write_stock
    from compress.graph.proof_images import proof_images
    from compress.nets.weights import open_weights
    from deploy.errors import ModelError
    from deploy.hashes import file_sha256

    if not options.out and not options.stock:
        raise UsageError("neither --out nor --stock is given: expected a bundle's folder or a .pt to write")
    if options.out:
        check_out(options.out)
    model, history = open_weights(options.weights)
    imgsz = model.imgsz if options.imgsz is None else options.imgsz
    coarsest = max(model.stride)
    if imgsz % coarsest or not coarsest <= imgsz <= 4096:
        raise UsageError(f"--imgsz is {imgsz}, expected a multiple of {coarsest} up to 4096")
    if options.names:
        names = read_names(options.names)
        if len(names) != len(model.names):
            raise ModelError(
                f"{options.names}: has {len(names)} names, {options.weights} has {len(model.names)} classes"
            )
        model.names = names
    entry: dict[str, Any] = {
        "stage": "export",
        "settings": {"imgsz": imgsz, "soc": options.soc},
        "sha256": file_sha256(options.weights),
    }
    result: dict[str, Any] = {}
    lines = []
    if options.stock:
        model.imgsz = imgsz
        result["stock"] = str(write_stock(model, options.stock, [*history, entry]))
        lines.append(result["stock"])
    if options.out:
        onnx_model = to_onnx(model, imgsz, proof_images(options.images, imgsz))
        entry["onnx_difference"] = result["onnx_difference"] = onnx_model.difference
        result["bundle"] = str(write_bundle(model, onnx_model, options.out, imgsz, [*history, entry], options.soc))
        lines.append(f"ONNX and torch agree within {onnx_model.difference:.1e} of the output's scale")
        lines.append(result["bundle"])
    answer(options, result, "\n".join(lines))
