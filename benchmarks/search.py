"""What a search finds: whether its scores mean anything, how fast they come, and the found model beside others.

    python benchmarks/search.py VOCDEVKIT NAMES WEIGHTS OUT [--parts rank,rate,models] [--score SCORE] ...

WEIGHTS is a dense checkpoint that was trained on VOCDEVKIT. Three parts, which share the data set and the search:

rank    the first candidates of the search are cut out and trained shortly; Kendall's tau-b between their scores without
        training and their accuracy with it, on val, with a bootstrap interval over the candidates
rate    candidates a minute with 1 and 2 workers, from when all workers have given their first one
models  the winner beside `prune --flops` by gamma and by Taylor and a uniformly narrower model, at equal FLOPs, after
        equal training; scored by `run.sh eval` on test, with paired bootstrap intervals over the images

Interrupted, it goes on where it was when called again with the same OUT and options. One OUT holds searches by several
--score: rows of `models` that do not depend on it are trained once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not this folder, which has a compress.py of its own

from benchmarks.bundle_rows import markdown, read_rows  # noqa: E402
from benchmarks.rank_correlation import kendall_tau, tau_interval  # noqa: E402
from compress.chain.chain import Chain  # noqa: E402
from compress.commands.run import recipe_verbs  # noqa: E402
from compress.search.journal import Entry, read_journal  # noqa: E402
from compress.stages.prune_settings import SCORES  # noqa: E402
from deploy.console import exit_code  # noqa: E402
from deploy.errors import ReportedError  # noqa: E402
from deploy.whole_file import write_whole  # noqa: E402

PARTS = ("rank", "rate", "models")
WORKERS = (1, 2)
ALIGN = 8
BATCH = 16
_POLL = 0.02  # seconds between two looks at a journal
_HALVINGS = 12  # of the share that a uniformly narrower model keeps: finer than its blocks


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("devkit", type=Path, metavar="VOCDEVKIT")
    parser.add_argument("names", type=Path, metavar="NAMES", help="class names, one a line")
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="a dense checkpoint trained on VOCDEVKIT")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s (default: all)")
    parser.add_argument("--imgsz", type=int, default=320, metavar="PX", help="side of the network input")
    parser.add_argument("--remain-ratio", type=float, default=0.5, metavar="X", help="of the FLOPs")
    parser.add_argument("--delta", type=float, default=0.005, metavar="X", help="how far the search may be from it")
    parser.add_argument("--score", choices=SCORES, default="gamma", help="what the search keeps channels by")
    parser.add_argument("--candidates", type=int, default=100, metavar="N", help="of the search")
    parser.add_argument("--ranked", type=int, default=16, metavar="N", help="how many of them are trained for `rank`")
    parser.add_argument("--short-epochs", type=int, default=5, metavar="N", help="of each of those")
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="of each row of `models`")
    parser.add_argument("--timed", type=int, default=24, metavar="N", help="candidates of each search of `rate`")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--bn-batches", type=int, default=8, metavar="N", help="as `search` has it")
    parser.add_argument("--held-out", type=int, default=128, metavar="N", help="as `search` has it")
    options = parser.parse_args()
    unknown = sorted(set(options.parts.split(",")) - set(PARTS))
    if unknown:
        parser.error(f"there is no part '{unknown[0]}', expected some of {', '.join(PARTS)}")
    if not 2 <= options.ranked <= options.candidates:
        parser.error(f"--ranked is {options.ranked}, expected 2 to --candidates, {options.candidates}")
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    parts = options.parts.split(",")
    chain = Chain(recipe_verbs(), options.out)
    data = chain.stage("set", "data voc2yolo", {"voc": str(options.devkit), "names": str(options.names)})["result"]
    bench = _Bench(options, chain, data)
    texts = []
    if "rate" in parts:  # first, so that nothing of the others is in this process yet
        texts.append(_rate(bench))
    if "rank" in parts:
        texts.append(_rank(bench))
    if "models" in parts:
        texts.append(_models(bench))
    print("\n\n".join(texts))


@dataclass(frozen=True)
class _Bench:
    options: argparse.Namespace
    chain: Chain
    data: str

    @property
    def search_options(self) -> dict[str, Any]:
        names = ("weights", "imgsz", "remain_ratio", "delta", "score", "seed", "bn_batches", "held_out")
        given = {name.replace("_", "-"): getattr(self.options, name) for name in names}
        return {**given, "weights": str(given["weights"]), "data": self.data, "align": ALIGN}

    def searched(self) -> dict[str, Any]:
        options = {**self.search_options, "candidates": self.options.candidates}
        return self.chain.stage(f"search-{self.options.score}", "search", options)

    def pruned(self, name: str, **how: Any) -> dict[str, Any]:
        """What is cut without folding: the search does not fold, and training takes the statistics anew."""
        options = {"weights": str(self.options.weights), "align": ALIGN, "no-fold": True, **how}
        return self.chain.stage(f"{name}-pruned", "prune", options)

    def tuned(self, name: str, weights: str, epochs: int) -> dict[str, Any]:
        same = {"data": self.data, "imgsz": self.options.imgsz, "batch-size": BATCH, "seed": self.options.seed}
        return self.chain.stage(f"{name}-tuned", "finetune", {"weights": weights, **same, "epochs": epochs})


def _rank(bench: _Bench) -> str:
    """Trains the first candidates and compares the orders."""
    options = bench.options
    _, entries = read_journal(Path(bench.searched()["journal"]))
    first = sorted((entry for entry in entries if entry.map50 is not None), key=lambda entry: entry.number)
    first = first[: options.ranked]
    plans = options.out / f"plans-{options.score}"
    _write_plans(first, bench, plans)
    rows, lines = [], ["| candidate | FLOPs | score | after training |", "|---:|---:|---:|---:|"]
    for entry in first:
        name = f"{options.score}-candidate{entry.number}"
        cut = bench.pruned(name, plan=str(plans / f"{entry.number}.plan.json"))
        tuned = bench.tuned(name, cut["weights"], options.short_epochs)
        rows.append((entry.map50, entry.map50_95, tuned["map50"], tuned["map50_95"]))
        lines.append(
            f"| {entry.number} | {cut['after']['flops'] / 1e9:.3f} G | {entry.map50:.3f} / {entry.map50_95:.3f} "
            f"| {tuned['map50']:.3f} / {tuned['map50_95']:.3f} |"
        )
    scores, fine_scores, coarse, accuracy = zip(*rows)
    title = (
        f"{len(first)} candidates by {options.score}, {options.short_epochs} epochs each; mAP@0.5 / mAP@0.5:0.95 on "
        "held-out training images without training, and on val with it:"
    )
    taus = [
        ("the score (mAP@0.5) with mAP@0.5:0.95 after training", scores, accuracy),
        ("the score (mAP@0.5) with mAP@0.5 after training", scores, coarse),
        ("mAP@0.5:0.95 untrained with mAP@0.5:0.95 after training", fine_scores, accuracy),
    ]
    found = [f"Kendall's tau-b of {what}: {_tau(one, other)}" for what, one, other in taus]
    return "\n".join([title, "", *lines, "", *found])


def _tau(first: Sequence[float], second: Sequence[float]) -> str:
    low, high = tau_interval(first, second)
    return f"{kendall_tau(first, second):+.2f} ({low:+.2f} to {high:+.2f})"


def _write_plans(entries: Sequence[Entry], bench: _Bench, folder: Path) -> None:
    """The plans of the candidates, as the search had them, for those that have none yet."""
    missing = [entry for entry in entries if not (folder / f"{entry.number}.plan.json").is_file()]
    if not missing:
        return
    from compress.prune.choose import with_widths
    from compress.prune.goal import Goal
    from compress.stages.model import open_model
    from compress.stages.plan_choice import flow_of, scores_of
    from compress.stages.prune_settings import PruneSettings

    model = open_model(bench.options.weights).detector.eval()
    choice = PruneSettings(weights=bench.options.weights, data=bench.data, score=bench.options.score, align=ALIGN)
    flow = flow_of(model, choice)
    order = scores_of(model, flow, choice)
    for entry in missing:
        goal = Goal("flops", entry.cost)
        with_widths(flow, order, entry.widths, goal, ALIGN).save(folder / f"{entry.number}.plan.json")


def _rate(bench: _Bench) -> str:
    rates = {workers: _timed(bench, workers) for workers in WORKERS}
    lines = ["| workers | candidates a minute | times one worker's | seconds a candidate takes its worker |"]
    lines.append("|---:|---:|---:|---:|")
    for workers, found in rates.items():
        grown = found["rate"] / rates[WORKERS[0]]["rate"]
        lines.append(f"| {workers} | {found['rate']:.1f} | {grown:.2f} | {found['seconds']:.2f} |")
    return "\n".join(lines)


def _timed(bench: _Bench, workers: int) -> dict[str, float]:
    """Candidates a minute of a search in a process of its own, and the mean seconds of a candidate."""
    folder = bench.options.out / "rate"
    asked = {**bench.search_options, "candidates": bench.options.timed, "workers": workers}
    record = folder / f"{workers}.json"
    if record.is_file():
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["asked"] == asked:
            return dict(known["found"])
    journal = folder / f"workers{workers}" / "journal.jsonl"
    found = _watched(journal, {**asked, "project": str(folder), "name": f"workers{workers}"}, workers)
    write_whole(record, json.dumps({"asked": asked, "found": found}, indent=2).encode() + b"\n")
    return found


def _watched(journal: Path, options: Mapping[str, Any], workers: int) -> dict[str, float]:
    words = [f"--{name}={value}" for name, value in options.items()]
    before = journal.stat().st_mtime_ns if journal.is_file() else 0
    seen: list[float] = []  # when each candidate was there
    command = [sys.executable, str(ROOT / "compress"), "search", *words]
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        while process.poll() is None:
            if journal.is_file() and journal.stat().st_mtime_ns > before:
                done = journal.read_bytes().count(b"\n") - 1
                seen += [time.perf_counter()] * (done - len(seen))
            time.sleep(_POLL)
    if process.returncode:
        raise ReportedError(f"the search with {workers} workers ended with exit code {process.returncode}")
    if len(seen) <= 2 * workers:
        raise ReportedError(f"--timed is {options['candidates']}, too few to time {workers} workers")
    _, entries = read_journal(journal)
    first = workers  # by then all have begun
    rate = 60 * (len(seen) - first) / (seen[-1] - seen[first - 1])
    return {"rate": rate, "seconds": sum(entry.seconds for entry in entries) / len(entries)}


def _models(bench: _Bench) -> str:
    options = bench.options
    found, share = f"found-{options.score}", f"{options.remain_ratio:g}"
    models = {found: bench.searched()["weights"]}
    choices: dict[str, dict[str, Any]] = {
        f"gamma-{share}": {"flops": share, "score": "gamma"},
        f"taylor-{share}": {"flops": share, "score": "taylor", "data": bench.data},
        f"uniform-{share}": {"uniform": _uniform(options.weights, options.remain_ratio)},
    }
    for row, choice in choices.items():
        models[row] = bench.pruned(row, **choice)["weights"]
    _scored(bench, "dense", str(options.weights))
    for row, weights in models.items():
        _scored(bench, row, bench.tuned(row, weights, options.epochs)["best"])
    rows = read_rows(options.out, ["dense", *models], options.devkit, options.names)
    title = f"{options.epochs} epochs each but dense; differences are mAP@0.5:0.95 in points with 95 % intervals:"
    return f"{title}\n\n{markdown(options.out, rows, (found,), options.devkit, options.names)}"


def _scored(bench: _Bench, row: str, weights: str) -> None:
    options = bench.options
    bundle = bench.chain.stage(f"{row}-bundle", "export", {"weights": weights})["result"]
    asked = {"devkit": str(options.devkit), "model": bundle, "numerics": "float", "protocol": "coco"}
    bench.chain.stage(f"{row}-eval", "eval", asked)


def _uniform(weights: Path, share: float) -> float:
    """The share of its channels that every layer keeps, aligned, for the most FLOPs up to `share` of the whole."""
    from compress.channels.flow import channel_flow, example_image
    from compress.prune.alignment import nearest_width
    from compress.prune.budget import flops_cost
    from compress.stages.model import open_model

    model = open_model(weights).detector.eval()
    flow = channel_flow(model, example_image(model))
    cost = flops_cost(model, flow, model.imgsz)
    full = {group.name: len(group.classes) for group in flow.removable()}

    def share_of(kept: float) -> float:
        return cost({name: nearest_width(width, kept, ALIGN) for name, width in full.items()}) / cost(full)

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if share_of(middle) <= share else (low, middle)
    return round(low, 6)


if __name__ == "__main__":
    sys.exit(main())
