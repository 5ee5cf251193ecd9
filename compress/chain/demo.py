"""The whole way in a few minutes: the shipped sparse checkpoint is pruned, fine-tuned, exported, run and scored."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.chain.demo_pace import EPOCHS, fitting_epochs, in_words, seconds, seconds_a_batch
from compress.chain.verbs import command_line, settings_of
from compress.edge import ROOT, run_edge
from compress.failure import report_failure
from compress.report.comparison import COLUMNS, compare
from compress.stages.report import ReportSettings, report
from compress.verb import Verb
from compute_mAP.class_names import read_names
from deploy.errors import ModelError, ReportedError
from deploy.results.ours import MARKER, Maker, check_replaceable
from deploy.whole_file import write_whole

DENSE = ROOT / "models" / "demo.dense.safetensors"
SPARSE = ROOT / "models" / "demo.sparse.safetensors"
"""From the same start as the dense one, with the gammas of half of its channels brought near zero."""
IMGSZ = 320
SEED = 20  # not the seed of the images that the shipped checkpoints were trained on
_SHOWN = 12

_MAKER = Maker("demo", "demo's folder", (), lambda folder: (folder / "VOCdevkit" / MARKER).is_file(), marks=False)


def run_demo(verbs: Mapping[str, Verb], out: Path, images: int, epochs: int | None, percent: float) -> list[list[str]]:
    """Draw a devkit, slim the shipped sparse model, and compare it with the dense one: a row for each.

    Everything but the images of `detect` (./image_result) goes to `out`. Raises ModelError when a shipped
    checkpoint is missing, UsageError where `out` holds somebody else's files, and ReportedError when a step fails.
    Without `epochs` there are as many as this computer does in under five minutes; how long it will take is said first.
    """
    began = time.perf_counter()
    check_replaceable(out.absolute(), _MAKER)
    for shipped in (DENSE, SPARSE):
        if not shipped.is_file():
            raise ModelError(f"{shipped}: the demo's checkpoint is missing; it comes with the project's repository")
    batch = seconds_a_batch(SPARSE, IMGSZ)
    epochs = fitting_epochs(batch, images) if epochs is None else epochs
    fewer = f", {epochs} epochs of fine-tuning where {EPOCHS} are usual" if epochs < EPOCHS else ""
    _say(f"this will take {in_words(seconds(batch, images, epochs))} here, as busy as it is now{fewer}")
    devkit, dataset = out / "VOCdevkit", out / "dataset"
    dense, pruned = out / "dense", out / "pruned"
    _say("1/6 drawing images of codes")
    _run(verbs["data codes"], out=devkit, images=images, seed=SEED)
    names = devkit / "codes.names"
    _run(verbs["data voc2yolo"], voc=devkit, out=dataset, names=names)
    _say(f"2/6 pruning {percent:.0%} of the channels")
    slim = out / "pruned.safetensors"
    _run(verbs["prune"], weights=SPARSE, percent=percent, align=8, out=slim)
    _say(f"3/6 fine-tuning for {epochs} epochs")
    training = {"data": dataset / "data.yaml", "weights": slim, "epochs": epochs, "imgsz": IMGSZ}
    _run(verbs["finetune"], **training, project=out / "runs", name="finetune")
    _say("4/6 exporting both models")
    tuned = out / "runs" / "finetune" / "weights" / "best.safetensors"
    for weights, bundle in ((DENSE, dense), (tuned, pruned)):
        _run(verbs["export"], weights=weights, imgsz=IMGSZ, out=bundle / "bundle")
    _say("5/6 detect, speed and eval through the bundles' pipelines")
    image_dir = devkit / "VOC2007" / "JPEGImages"
    test = devkit / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    shown = _first_names(test, out / "shown.txt")
    rows = []
    for title, folder, drawn in (("dense", dense, dense), ("pruned", pruned, Path())):
        run_edge("detect", shown, image_dir, "--model", folder / "bundle", "--out", drawn)
        rows.append(compare(title, folder / "bundle", test, image_dir, devkit, folder))
    _say(f"6/6 done in {time.perf_counter() - began:.0f} s; latency and images per second are this computer's")
    print(f"classes: {', '.join(read_names(names))}; images with boxes: image_result/", file=sys.stderr)
    return rows


def demo_page(rows: Sequence[Sequence[str]], out: Path) -> Path:
    """The page about the demo's two models, with the comparison's latencies. Raises what `report` raises."""
    latency = COLUMNS.index("host latency")
    sources = [f"{row[0]}={out / row[0] / 'bundle'}" for row in rows] + [str(out / "runs" / "finetune")]
    settings = ReportSettings(
        sources=sources,
        devkit=out / "VOCdevkit",
        out=out / "report.html",
        host_ms={row[0]: float(row[latency].split()[0]) for row in rows},
    )
    return report(settings).page


def _run(verb: Verb, **options: Any) -> None:
    values = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    print(f"$ python -m compress {' '.join(command_line(verb, values))}", file=sys.stderr)
    assert verb.run
    try:
        answer = verb.run(settings_of(verb, values))
    except Exception as error:
        report_failure(error)
        raise ReportedError(f"the demo ends here: compress {verb.name.split()[0]} failed") from None
    print(answer.text if answer else "", file=sys.stderr)  # the comparison alone is the demo's output


def _first_names(image_set: Path, out: Path) -> Path:
    names = image_set.read_text(encoding="utf-8").split()[:_SHOWN]
    write_whole(out, "".join(name + "\n" for name in names).encode())
    return out


def _say(text: str) -> None:
    print(f"\n== {text}", file=sys.stderr)
