"""How long the compressor's parts take: python benchmarks/compress.py step

Contenders take turns within a round, and the medians over the rounds are compared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def step(options: argparse.Namespace) -> None:
    """Training steps with and without the sparsity penalty: forward, loss, backward, optimizer, EMA."""
    import torch
    from ultralytics.utils.torch_utils import ModelEMA

    from compress.nets.family import architecture, build
    from compress.train.optimizer import build_optimizer
    from compress.train.penalised import penalised
    from compress.train.processes import launched
    from compress.train.settings import TrainSettings
    from compress.train.step import Stepper

    def contender(rule: str) -> Callable[[], None]:
        settings = TrainSettings("data.yaml", batch_size=options.batch_size, sparsity=rule or "subgradient")
        accelerator = launched(settings)
        torch.manual_seed(0)
        model = build(architecture(options.cfg, 3), ["a", "b", "c"], options.imgsz)
        gammas = list(penalised(model, "group").values()) if rule else []
        model.thaw()
        model.train().to(accelerator.device)
        optimizer = build_optimizer(model, settings)
        loss = model.make_loss(options.imgsz)
        stepper = Stepper(accelerator, model, optimizer, ModelEMA(model), loss, settings, gammas)
        x = torch.rand(options.batch_size, 3, options.imgsz, options.imgsz, device=accelerator.device)
        objects = torch.rand(8 * options.batch_size, 4, device=accelerator.device) * 0.4 + 0.1
        picture = torch.arange(options.batch_size, device=accelerator.device).repeat_interleave(8)[:, None]
        targets = torch.cat((picture, picture % 3, objects), 1).float()

        def run() -> None:
            stepper.accumulate(x, targets, True)
            stepper.step(0.01)
            if accelerator.device.type == "cuda":
                torch.cuda.synchronize()

        return run

    contenders = {"plain": contender(""), "subgradient": contender("subgradient"), "proximal": contender("proximal")}
    times = interleaved(contenders, options.rounds)
    plain = statistics.median(times["plain"])
    print(f"{options.cfg}, {options.imgsz} px, batch {options.batch_size}, {options.rounds} rounds")
    for name, found in times.items():
        middle = statistics.median(found)
        ratio = statistics.median(one / other for one, other in zip(found, times["plain"], strict=True))
        print(f"{name:12} {1000 * middle:9.1f} ms a step  {middle / plain:6.3f} of plain  ({ratio:.3f} round by round)")


def interleaved(contenders: dict[str, Callable[[], None]], rounds: int, warmup: int = 2) -> dict[str, list[float]]:
    """Seconds of each contender in each round; in every round another one begins."""
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + warmup):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            contenders[name]()
            if number >= warmup:
                times[name].append(time.perf_counter() - began)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="PART")
    steps = parts.add_parser("step", help="sparse training beside plain training, a step")
    steps.set_defaults(run=step)
    steps.add_argument("--cfg", default="yolov5n")
    steps.add_argument("--imgsz", type=int, default=320)
    steps.add_argument("--batch-size", type=int, default=16)
    steps.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
