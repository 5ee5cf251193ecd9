"""Families of detectors beside ultralytics on the same weights: scores, boxes that both find, and pruned models.

    python benchmarks/families.py --data dataset/data.yaml --models yolo26n yolov10n yolo12n yolov9t --percent 0.5

Each model is trained by our loop from random weights, or taken from --weights-of MODEL=FILE, and scored by `compress
val` on --split, letterbox grey; a model with two branches with each of them. It is also written as a stock `.pt`, which
ultralytics' own `val` scores and its `predict` runs, by the same branch: its boxes are scored by our scorer too, and
those above --conf are matched with ours by class, at IoU 0.95. With --percent each model is pruned, fine-tuned and
scored again. What is done already is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")
SAME = 0.95  # IoU


def compress(*words: object) -> Any:
    command = [sys.executable, "-P", str(ROOT / "compress"), *map(str, words), "--json"]
    print(f"$ bash run.sh compress {' '.join(command[3:])}", file=sys.stderr, flush=True)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def trained(options: argparse.Namespace, model: str) -> Path:
    given = dict(pair.split("=", 1) for pair in options.weights_of)
    if model in given:
        return Path(given[model])
    best = options.out / model / "weights" / "best.safetensors"
    state = options.out / model / "state.pt"
    if not best.is_file() or state.is_file():
        words = ["train", "--data", options.data, "--cfg", model, "--epochs", options.epochs, "--imgsz", options.imgsz]
        words += ["--letterbox", "grey", "--project", options.out, "--name", model]
        compress(*words, *(["--resume"] if state.is_file() else []))
    return best


def pruned(options: argparse.Namespace, model: str, weights: Path) -> Path:
    small, name = options.out / f"{model}.pruned.safetensors", f"{model}.tuned"
    if not small.is_file():
        compress("prune", "--weights", weights, "--percent", options.percent, "--out", small)
    best = options.out / name / "weights" / "best.safetensors"
    if not best.is_file():
        words = ["finetune", "--weights", small, "--data", options.data, "--epochs", options.epochs]
        compress(*words, "--imgsz", options.imgsz, "--letterbox", "grey", "--project", options.out, "--name", name)
    return best


def score(options: argparse.Namespace, weights: Path, head: str | None) -> dict[str, Any]:
    words = ["val", "--weights", weights, "--data", options.data, "--split", options.split, "--letterbox", "grey"]
    return compress(*words, "--imgsz", options.imgsz, *(["--head", head] if head else []))


class Theirs:
    """A model in ultralytics' hands, detecting by the same branch: by itself it takes one2many with NMS."""

    def __init__(self, options: argparse.Namespace, weights: Path, head: str | None) -> None:
        from ultralytics import YOLO

        from compress.export.stock import write_stock
        from compress.stages.model import open_model

        stock = write_stock(open_model(weights).detector, options.out / f"{weights.parent.parent.name}.pt", [])
        self._yolo, self._options = YOLO(stock), options
        self._branch = {"nms": head == "one2many"} if head else {}

    def boxes(self, pixels: Any, conf: float, iou: float) -> Any:
        """Its `predict`: float32 [n, 6] = x0 y0 x1 y1 confidence class."""
        options = {"imgsz": self._options.imgsz, "rect": False, "verbose": False, **self._branch}
        return self._yolo.predict(pixels, conf=conf, iou=iou, **options)[0].boxes.data.cpu()

    def val(self) -> float:
        """mAP@0.5:0.95 by its own validator, square images."""
        from benchmarks.parity import plain_yaml

        options = self._options
        found = self._yolo.val(
            data=str(plain_yaml(options)), split=options.split, imgsz=options.imgsz, rect=False, iou=0.6, batch=8,
            workers=0, plots=False, verbose=False, project=str(options.out.resolve()), name="val", exist_ok=True,
            **self._branch,
        )  # fmt: skip
        return float(found.box.map)


def beside(options: argparse.Namespace, weights: Path, head: str | None) -> tuple[float, float, int, int, int]:
    """mAP@0.5:0.95 of ultralytics' boxes by our scorer and by its own validator; above --conf the boxes that it finds,
    those that we find, and those of its that we have too."""
    import torch
    from ultralytics.utils.metrics import box_iou

    from compress.data.data_yaml import load_data_yaml
    from compress.data.image_size import read_pixels
    from compress.stages.model import open_model
    from compress.val.letterbox import letterboxed
    from compress.val.thresholds import EVAL
    from compress.val.validate import Validator, outputs_of
    from compute_mAP.voc_eval import evaluate

    model = open_model(weights).detector.eval().deployed(head)
    yolo, totals, all_boxes = Theirs(options, weights, head), [0, 0, 0], []
    validator = Validator(load_data_yaml(options.data), options.split, options.imgsz, "grey")
    for path in validator.images:
        pixels = read_pixels(path)
        every = yolo.boxes(pixels, *EVAL)
        all_boxes.append(every.numpy())
        theirs = yolo.boxes(pixels, options.conf, EVAL[1])
        canvas, frame = letterboxed(pixels, options.imgsz, "grey")
        ours = torch.from_numpy(frame.boxes(model, outputs_of(model, [canvas]), options.conf, EVAL[1]))
        same = (box_iou(theirs[:, :4], ours[:, :4]) > SAME) & (theirs[:, 5:6] == ours[:, 5])
        for i, count in enumerate((len(theirs), len(ours), int(same.any(1).sum()) if len(ours) else 0)):
            totals[i] += count
    scored = evaluate(validator.by_class(all_boxes), validator.ground_truth, validator.names).map50_95
    return scored, yolo.val(), *totals


def main() -> None:
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="data.yaml")
    parser.add_argument("--models", nargs="+", default=["yolo26n", "yolov10n", "yolo12n", "yolov9t"])
    parser.add_argument("--weights-of", nargs="*", default=[], metavar="MODEL=FILE")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--split", default="test")
    parser.add_argument("--conf", type=float, default=0.25)
    parser.add_argument("--percent", type=float, help="share of channels to remove, such as 0.5")
    parser.add_argument("--out", type=Path, default=Path("families"))
    options = parser.parse_args()
    print("| model | head | mAP@0.5 | mAP@0.5:0.95 | ultralytics' boxes | its own val | its boxes | ours | matched |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for model in options.models:
        dense = trained(options, model)
        rows = {model: dense}
        if options.percent:
            rows[f"{model}, {options.percent:.0%} pruned"] = pruned(options, model, dense)
        for title, weights in rows.items():
            two = "yolo26" in model or "yolov10" in model
            for head in ("one2one", "one2many") if two else (None,):
                found = score(options, weights, head)
                scored, own, *boxes = beside(options, weights, head)
                scores = [f"{one:.4f}" for one in (found["map50"], found["map50_95"], scored, own)]
                cells = (title, head or "", *scores, *boxes)
                print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
