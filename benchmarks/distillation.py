"""What a teacher gives: `finetune --teacher` beside ultralytics' `distill_model`, from the same weights and teacher.

    python benchmarks/distillation.py --data dataset/data.yaml --out distillation

ultralytics' trainer makes a teacher (--cfg) and a student of half its width that has learnt for a few epochs. Both
trainers then go on with that student, with and without the teacher, SGD with lr0 0.01. Every best checkpoint is scored
by `compress val` on --split, letterbox grey. What counts is what each gains over itself. What is done already is not
done again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.parity import by_ultralytics, compress, score  # noqa: E402


def stock(options: argparse.Namespace, start: Path | str, name: str, epochs: int, **settings: Any) -> Path:
    """Train with ultralytics' trainer, a step a batch as ours; returns its best checkpoint."""
    return by_ultralytics(options, start, name, epochs=epochs, nbs=options.batch, **settings)


def ours(options: argparse.Namespace, student: Path, name: str, seed: int, teacher: Path | None) -> Path:
    """Fine-tune with our loop; returns its best checkpoint."""
    runs = options.out / "ours"
    best, state = runs / name / "weights" / "best.safetensors", runs / name / "state.pt"
    if best.is_file() and not state.is_file():
        return best
    words = ["finetune", "--data", options.data, "--weights", student, "--epochs", options.epochs]
    words += ["--imgsz", options.imgsz, "--batch-size", options.batch, "--seed", seed, "--letterbox", "grey"]
    words += ["--workers", options.workers, "--amp", "off", "--project", runs, "--name", name]
    words += [*(["--teacher", teacher] if teacher else []), *(["--resume"] if state.is_file() else [])]
    compress(*words)
    return best


def half_width(options: argparse.Namespace) -> Path:
    """The architecture's YAML with half of its width."""
    import yaml
    from ultralytics.nn.tasks import yaml_model_load

    layers = yaml_model_load(f"{options.cfg}.yaml")
    depth, width, most = layers["scales"][layers["scale"]]
    layers["scales"] = {layers["scale"]: [depth, width / 2, most]}
    file = options.out / f"{options.cfg.removesuffix(layers['scale'])}-half{layers['scale']}.yaml"
    file.write_text(yaml.safe_dump({key: layers[key] for key in ("nc", "scales", "backbone", "head")}), "utf-8")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="data.yaml")
    parser.add_argument("--cfg", default="yolov8n", help="the teacher's architecture (default: %(default)s)")
    parser.add_argument("--teacher-epochs", type=int, default=80)
    parser.add_argument("--start-epochs", type=int, default=20, help="of the student before it is taught")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--imgsz", type=int, default=96)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", default="val")
    parser.add_argument("--out", type=Path, default=Path("distillation"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = stock(options, f"{options.cfg}.yaml", "teacher", options.teacher_epochs)
    student = stock(options, half_width(options), "student", options.start_epochs)
    scores: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for seed in options.seeds:
        for name, taught in (("plain", None), ("taught", teacher)):
            run = f"{name}{seed}"
            more = {"seed": seed, **({"distill_model": str(taught)} if taught else {})}
            found = {
                "ours": ours(options, student, run, seed, taught),
                "ultralytics": stock(options, student, run, options.epochs, **more),
            }
            for loop, best in found.items():
                scores.setdefault((loop, name), []).append(score(options, best))
    for title, file in (("teacher", teacher), ("student before", student)):
        found = score(options, file)
        print(f"{title}: mAP@0.5 {found['map50']:.4f}, mAP@0.5:0.95 {found['map50_95']:.4f}")
    print("\n| trainer | student | mAP@0.5 | mAP@0.5:0.95 | each seed |\n|---|---|---:|---:|---|")
    for (loop, name), rows in sorted(scores.items()):
        means = [statistics.mean(row[key] for row in rows) for key in ("map50", "map50_95")]
        each = ", ".join(f"{row['map50_95']:.4f}" for row in rows)
        print(f"| {loop} | {name} | {means[0]:.4f} | {means[1]:.4f} | {each} |")


if __name__ == "__main__":
    main()
