"""Every detector that ultralytics describes, pruned: the cut model computes what the masked one does, ONNX what torch
does.

    python benchmarks/proof.py --models yolo26n yolo26n-p2 yolo12n yolov9t
    python benchmarks/proof.py                      # all of them at their own sizes, for hours
    python benchmarks/proof.py --models my.yaml --width 0.5

Weights are random, batch norms have gammas of their own and statistics of what they see. Columns: the share of channels
that can be removed, parameters before and after, the largest difference of masked and cut model in float64 and that of
ONNX and torch in float32 (both of the output's largest value), and whether parameters and FLOPs of the pruned model are
those that ultralytics counts. A model that cannot be pruned or exported gives its sentence.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMES = ["a", "b", "c"]


def described(cfg: str, width: float) -> dict[str, Any]:
    from compress.nets.family import architecture
    from compress.nets.yolov5 import scales_of

    arch = architecture(cfg, len(NAMES))
    if isinstance(arch.get("anchors"), int):
        arch["anchors"] = [[16.0, 16.0] * arch["anchors"]] * scales_of(arch)
    if "scales" in arch:
        depth, wide, most = arch["scales"][arch["scale"]]
        return {**arch, "scales": {arch["scale"]: [depth, wide * width, most]}}
    return {**arch, "width_multiple": arch.get("width_multiple", 1.0) * width}


def randomise(model: Any, side: int) -> None:
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.weight.copy_(torch.rand(norm.weight.shape, generator=generator) * 1.6 + 0.02)
            norm.bias.copy_(torch.rand(norm.bias.shape, generator=generator) * 0.8 - 0.4)
            norm.momentum = 1.0
        model.train()(torch.rand(2, 3, side, side, generator=generator))
    model.eval()


def as_ultralytics_counts(model: Any, imgsz: int) -> bool:
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils.torch_utils import get_flops, get_num_params

    from compress.nets.size import flops, parameters

    counted = model.counted()
    if not isinstance(counted, DetectionModel):
        return True  # YOLOv5 with anchors is not ultralytics' own
    same = abs(flops(model, imgsz) - get_flops(counted, imgsz) * 1e9) <= 1e-6 * flops(model, imgsz)
    return parameters(model) == get_num_params(counted) and same


def row(cfg: str, options: argparse.Namespace) -> list[str]:
    import torch

    from compress.channels.flow import channel_flow, example_image
    from compress.export.onnx_file import to_onnx
    from compress.graph.proof_images import proof_images
    from compress.nets.family import build
    from compress.nets.size import parameters
    from compress.prune import surgery
    from compress.prune.choose import choose

    torch.manual_seed(0)
    model = build(described(cfg, options.width), NAMES, 640)
    side = 2 * max(64, *model.stride)
    randomise(model, side)
    flow = channel_flow(model, example_image(model))
    free, whole = (sum(len(g.classes) for g in groups) for groups in (flow.removable(), flow.groups))
    slim, difference = surgery.prune(model, flow, choose(model, flow, options.percent, options.align))
    deployed = slim.deployed()
    written = to_onnx(deployed, side, proof_images(None, side))
    sizes = [f"{parameters(one) / 1e6:.2f} M" for one in (model, slim)]
    counted = "yes" if as_ultralytics_counts(slim, side) else "no"
    return [f"{free / whole:.1%}", *sizes, f"{difference:.1e}", f"{written.difference:.1e}", counted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="CFG", help="names or YAML files (default: all names)")
    parser.add_argument("--percent", type=float, default=0.5, help="share of channels to remove")
    parser.add_argument("--align", type=int, default=8)
    parser.add_argument("--width", type=float, default=1.0, help="factor on the models' own width")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from compress.nets.stock_names import stock_names
    from deploy.errors import ReportedError

    print("| model | can be removed | parameters | pruned | masked == cut | ONNX == torch | counts |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for cfg in options.models or stock_names():
        try:
            cells = row(cfg, options)
        except ReportedError as error:
            cells = [str(error), "", "", "", "", ""]
        print(f"| {' | '.join([Path(cfg).stem, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
