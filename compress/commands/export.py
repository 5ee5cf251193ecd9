"""export: write the bundle."""

from __future__ import annotations

import argparse

from compress.commands.declare import Verbs, answer, verb
from compute_mAP.class_names import read_names
from compute_mAP.errors import UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "export", export, "write the bundle that the host and the board run")
    parser.add_argument("--weights", required=True, metavar="FILE", help="a checkpoint, or a YOLOv5 .pt")
    parser.add_argument("--imgsz", type=int, help="side of the network input in pixels (default: as trained)")
    parser.add_argument("--out", required=True, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument("--names", metavar="FILE", help="class names, one a line, in place of those in the weights")
    parser.add_argument(
        "--images", metavar="DIR", help="JPEG pictures to prove the ONNX on (default: two of ultralytics')"
    )
    parser.add_argument("--soc", default="Ascend310", help="the chip, as ATC names it (default: %(default)s)")


def export(options: argparse.Namespace) -> None:
    from compress.export.bundle import check_out, write_bundle
    from compress.export.onnx_file import to_onnx
    from compress.export.proof_pictures import proof_pictures
    from compress.nets.checkpoint import file_sha256
    from compress.nets.weights import open_weights
    from compute_mAP.errors import ModelError

    check_out(options.out)
    model, history = open_weights(options.weights)
    imgsz = model.imgsz if options.imgsz is None else options.imgsz
    if imgsz % 32 or not 32 <= imgsz <= 4096:
        raise UsageError(f"--imgsz is {imgsz}, expected a multiple of 32 from 32 to 4096")
    if options.names:
        names = read_names(options.names)
        if len(names) != len(model.names):
            raise ModelError(
                f"{options.names}: has {len(names)} names, {options.weights} has {len(model.names)} classes"
            )
        model.names = names
    onnx_model = to_onnx(model, imgsz, proof_pictures(options.images, imgsz))
    entry = {
        "stage": "export",
        "settings": {"imgsz": imgsz, "soc": options.soc},
        "sha256": file_sha256(options.weights),
        "onnx_difference": onnx_model.difference,
    }
    out = write_bundle(model, onnx_model, options.out, imgsz, [*history, entry], options.soc)
    text = f"ONNX and torch agree within {onnx_model.difference:.1e} of the output's scale\n{out}"
    answer(options, {"bundle": str(out), "onnx_difference": onnx_model.difference}, text)
