"""How long the compressor's parts take: python benchmarks/compress.py step, or epoch, or prune

Contenders take turns within a round, and the medians over the rounds are compared.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def step(options: argparse.Namespace) -> None:
    """Training steps with and without the sparsity penalty: forward, loss, backward, optimizer, EMA."""
    import torch
    from ultralytics.utils.torch_utils import ModelEMA

    from compress.channels.prunable_gammas import prunable_gammas
    from compress.nets.family import architecture, build
    from compress.train.optimizer import build_optimizer
    from compress.train.processes import launched
    from compress.train.settings import TrainSettings
    from compress.train.step import Stepper

    def contender(rule: str) -> Callable[[], None]:
        settings = TrainSettings("data.yaml", batch_size=options.batch_size, sparsity=rule or "subgradient")
        accelerator = launched(settings)
        torch.manual_seed(0)
        model = build(architecture(options.cfg, 3), ["a", "b", "c"], options.imgsz)
        gammas = list(prunable_gammas(model, "group").values()) if rule else []
        model.unfreeze()
        model.train().to(accelerator.device)
        optimizer = build_optimizer(model, settings)
        loss = model.make_loss(options.imgsz)
        stepper = Stepper(accelerator, model, optimizer, ModelEMA(model), loss, settings, gammas)
        x = torch.rand(options.batch_size, 3, options.imgsz, options.imgsz, device=accelerator.device)
        objects = torch.rand(8 * options.batch_size, 4, device=accelerator.device) * 0.4 + 0.1
        image = torch.arange(options.batch_size, device=accelerator.device).repeat_interleave(8)[:, None]
        targets = torch.cat((image, image % 3, objects), 1).float()

        def run() -> None:
            stepper.accumulate(x, targets, True)
            stepper.step(0.01)
            if accelerator.device.type == "cuda":
                torch.cuda.synchronize()

        return run

    contenders = {"plain": contender(""), "subgradient": contender("subgradient"), "proximal": contender("proximal")}
    times = interleaved(contenders, options.rounds)
    print(f"{options.cfg}, {options.imgsz} px, batch {options.batch_size}, {options.rounds} rounds")
    for name in times:
        told = []
        for clock, title in enumerate(("wall", "CPU")):
            mine, plain = ([pair[clock] for pair in times[which]] for which in (name, "plain"))
            ratio = statistics.median(one / other for one, other in zip(mine, plain, strict=True))
            told.append(f"{title} {1000 * statistics.median(mine):8.1f} ms, {ratio:.3f} of plain")
        print(f"{name:12} {'   '.join(told)}")


def epoch(options: argparse.Namespace) -> None:
    """Whole training epochs, validation included, beside ultralytics' trainer: the same data, model, batch and seed.

    Each round trains with both, each in a process of its own, the other one first in every second round. A run's first
    epoch is left out of the wall times, because it waits for what is loaded once. CPU is that of the whole process, its
    start too, over its epochs: how much of the machine each takes.
    """
    from benchmarks.parity import ours, theirs

    options.weights, options.seeds, options.close_mosaic = None, [0], 0  # every epoch has mosaics, as most of a run has
    times: dict[str, list[tuple[float, float]]] = {"ours": [], "ultralytics": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            options.out = Path(folder, str(number))
            pair = [("ours", ours), ("ultralytics", theirs)]
            for name, train in pair[:: -1 if number % 2 else 1]:
                before = _children_cpu()
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                    run = alone.submit(train, options, 0).result().parent.parent
                wall = statistics.mean(_epochs(run)[1:])
                times[name].append((wall, (_children_cpu() - before) / options.epochs))
                print(f"round {number + 1}, {name}: {wall:.1f} s an epoch, CPU {times[name][-1][1]:.1f} s", flush=True)
    for clock, title in enumerate(("wall", "CPU")):
        of = {name: [run[clock] for run in runs] for name, runs in times.items()}
        ratios = [one / other for one, other in zip(of["ours"], of["ultralytics"], strict=True)]
        told = " ".join(f"{ratio:.3f}" for ratio in sorted(ratios))
        seconds = ", ".join(f"{name} {statistics.median(found):.1f} s" for name, found in of.items())
        print(f"{title}: {seconds} an epoch; ours is {statistics.median(ratios):.3f} of it (median of: {told})")


def _children_cpu() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _epochs(run: Path) -> list[float]:
    """Seconds of each epoch of a run of either trainer."""
    if (run / "results.jsonl").is_file():
        return [json.loads(line)["seconds"] for line in (run / "results.jsonl").read_text("utf-8").splitlines()]
    with (run / "results.csv").open(newline="", encoding="utf-8") as file:
        ends = [float(row["time"]) for row in csv.DictReader(file, skipinitialspace=True)]
    return [end - before for before, end in zip([0.0, *ends], ends)]


Times = dict[str, list[tuple[float, float]]]


def interleaved(contenders: dict[str, Callable[[], None]], rounds: int, warmup: int = 2) -> Times:
    """Seconds of wall clock and of this process's CPU for each contender in each round; each round another begins.

    CPU time says the same on a machine that has other things to do.
    """
    names = list(contenders)
    times: Times = {name: [] for name in names}
    for number in range(rounds + warmup):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter(), time.process_time()
            contenders[name]()
            if number >= warmup:
                times[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return times


def prune(options: argparse.Namespace) -> None:
    """Seconds between reading a checkpoint and writing the pruned one: medians of the steps, one line a model.

    CPU is the whole in CPU seconds, of use where the machine is busy.

    The cut includes its proof, the masked and the pruned model in float64 at 128 px.
    """
    import torch

    from compress.channels.flow import channel_flow
    from compress.nets.family import architecture, build
    from compress.nets.size import parameters
    from compress.prune import surgery
    from compress.prune.choose import choose
    from compress.prune.fold import fold_constants

    torch.set_num_threads(options.threads)
    print(f"{'model':10} {'flow':>7} {'choice':>7} {'cut':>7} {'fold':>7} {'whole':>7} {'CPU':>7}  parameters")
    for name in options.models:
        torch.manual_seed(0)
        model = build(architecture(name, 80), [f"class{i}" for i in range(80)], 640).eval()
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    torch.nn.init.uniform_(module.weight, 0.01, 1)
        rows = []
        for _ in range(options.repeats):
            marks, cpu = [time.perf_counter()], time.process_time()
            flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
            marks.append(time.perf_counter())
            plan = choose(model, flow, options.percent, options.align)
            marks.append(time.perf_counter())
            slim, _ = surgery.prune(model, flow, plan)
            marks.append(time.perf_counter())
            surgery.cut(fold_constants(model, flow, plan), flow, plan)
            marks.append(time.perf_counter())
            rows.append([b - a for a, b in zip(marks, marks[1:])] + [marks[-1] - marks[0], time.process_time() - cpu])
        medians = [statistics.median(column) for column in zip(*rows)]
        cost = f"{parameters(model) / 1e6:.2f} M -> {parameters(slim) / 1e6:.2f} M"
        print(f"{name:10} " + " ".join(f"{m:6.2f}s" for m in medians) + f"  {cost}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="PART")
    steps = parts.add_parser("step", help="sparse training beside plain training, a step")
    steps.set_defaults(run=step)
    steps.add_argument("--cfg", default="yolov5n")
    steps.add_argument("--imgsz", type=int, default=320)
    steps.add_argument("--batch-size", type=int, default=16)
    steps.add_argument("--rounds", type=int, default=15)
    epochs = parts.add_parser("epoch", help="whole epochs beside ultralytics' trainer")
    epochs.set_defaults(run=epoch)
    epochs.add_argument("--data", required=True, help="data.yaml")
    epochs.add_argument("--cfg", default="yolov8n")
    epochs.add_argument("--imgsz", type=int, default=320)
    epochs.add_argument("--batch", type=int, default=16)
    epochs.add_argument("--workers", type=int, default=1)
    epochs.add_argument("--epochs", type=int, default=4, help="a run, the first of which is not counted")
    epochs.add_argument("--rounds", type=int, default=3)
    pruning = parts.add_parser("prune", help="the time to prune a model, step by step")
    pruning.set_defaults(run=prune)
    pruning.add_argument("--models", nargs="+", default=["yolov5l", "yolov8l", "yolo11l"])
    pruning.add_argument("--percent", type=float, default=0.5)
    pruning.add_argument("--align", type=int, default=8)
    pruning.add_argument("--repeats", type=int, default=3)
    pruning.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
