"""Our training loop beside ultralytics' own trainer: the same data, model, schedule and seeds, scored by one validator.

    python benchmarks/parity.py --data dataset/data.yaml --weights yolov8n.pt --epochs 50 --imgsz 320 --out parity

Each seed is trained by both, SGD with lr0 0.01, mosaics off in the last ten epochs (--close-mosaic). A step takes 64
images as with ultralytics (--accumulate 4 at batch 16). Every best checkpoint is scored by `compress val` on --split,
letterbox grey. What is done already is not done again. The loops agree when the difference of their means lies within
the spread (largest minus smallest) of ultralytics' seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")


def ours(options: argparse.Namespace, seed: int) -> Path:
    """Train with our loop; returns its best checkpoint."""
    runs, name = options.out / "ours", f"seed{seed}"
    best = runs / name / "weights" / "best.safetensors"
    state = runs / name / "state.pt"
    if best.is_file() and not state.is_file():
        return best
    start = ["--weights", options.weights] if options.weights else ["--cfg", options.cfg]
    words = ["train", "--data", options.data, *start, "--epochs", options.epochs, "--imgsz", options.imgsz]
    words += ["--batch-size", options.batch, "--accumulate", max(round(64 / options.batch), 1), "--seed", seed]
    words += ["--letterbox", "grey", "--workers", options.workers, "--project", runs, "--name", name]
    words += ["--close-mosaic", options.close_mosaic, "--amp", "off", *(["--resume"] if state.is_file() else [])]
    compress(*words)
    return best


def theirs(options: argparse.Namespace, seed: int) -> Path:
    """Train with ultralytics' trainer; returns its best checkpoint."""
    start = options.weights or f"{options.cfg}.yaml"
    closes = options.close_mosaic
    return by_ultralytics(options, start, f"seed{seed}", epochs=options.epochs, seed=seed, close_mosaic=closes)


def by_ultralytics(options: argparse.Namespace, start: Path | str, name: str, **settings: Any) -> Path:
    """Train `start` with ultralytics' trainer, SGD with lr0 0.01; returns its best checkpoint."""
    runs = (options.out / "ultralytics").resolve()
    best, done = runs / name / "weights" / "best.pt", runs / name / "done"
    if not done.is_file():
        from ultralytics import YOLO

        YOLO(str(start)).train(
            data=str(plain_yaml(options)),
            imgsz=options.imgsz,
            batch=options.batch,
            optimizer="SGD",
            lr0=0.01,
            workers=options.workers,
            amp=False,
            plots=False,
            patience=0,
            project=str(runs),
            name=name,
            exist_ok=True,
            **settings,
        )
        done.touch()
    return best


def plain_yaml(options: argparse.Namespace) -> Path:
    """The data set as ultralytics finds it from anywhere: absolute folders."""
    from compress.data.data_yaml import load_data_yaml

    data = load_data_yaml(options.data)
    file = options.out / "ultralytics.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    sources = {split: [str(path.resolve()) for path in paths] for split, paths in data.sources.items()}
    file.write_text(json.dumps({**sources, "names": dict(enumerate(data.names))}), encoding="utf-8")  # JSON is YAML
    return file.resolve()


def score(options: argparse.Namespace, weights: Path) -> dict[str, Any]:
    words = ("val", "--weights", weights, "--data", options.data, "--split", options.split, "--letterbox", "grey")
    return json.loads(compress(*words, "--imgsz", options.imgsz, "--json"))


def compress(*words: object) -> str:
    command = [sys.executable, "-P", str(ROOT / "compress"), *map(str, words)]
    print(f"$ bash run.sh compress {' '.join(command[3:])}", file=sys.stderr, flush=True)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="data.yaml")
    parser.add_argument("--weights", help="a .pt that both start from (default: --cfg from random weights)")
    parser.add_argument("--cfg", default="yolov8n", help="architecture without --weights (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--close-mosaic", type=int, default=10, help="last epochs of whole images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", default="val")
    parser.add_argument("--out", type=Path, default=Path("parity"))
    options = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {"ours": [], "ultralytics": []}
    for seed in options.seeds:
        for name, train in (("ours", ours), ("ultralytics", theirs)):
            rows[name].append(score(options, train(options, seed)))
    print("\n| loop | seed | mAP@0.5 | mAP@0.5:0.95 |\n|---|---:|---:|---:|")
    for name, scores in rows.items():
        for seed, found in zip(options.seeds, scores, strict=True):
            print(f"| {name} | {seed} | {found['map50']:.4f} | {found['map50_95']:.4f} |")
    for key, title in (("map50", "mAP@0.5"), ("map50_95", "mAP@0.5:0.95")):
        means = {name: statistics.mean(found[key] for found in scores) for name, scores in rows.items()}
        values = [found[key] for found in rows["ultralytics"]]
        gap, spread = means["ours"] - means["ultralytics"], max(values) - min(values)
        told = f"ours {means['ours']:.4f}, ultralytics {means['ultralytics']:.4f}"
        print(f"\n{title}: {told}, difference {gap:+.4f}, spread of its seeds {spread:.4f}")


if __name__ == "__main__":
    main()
