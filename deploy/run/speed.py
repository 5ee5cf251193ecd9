"""`speed`: how long one image takes, and how many a second go through when the stream is kept full."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.console import Progress, note
from deploy.run.flow import answers
from deploy.run.image_source import image_source
from deploy.run.images import check_some_succeeded
from deploy.run.machine import Machine, measured_model
from deploy.run.session import open_stream
from deploy.run.stage_times import stages_ms
from deploy.run.stream import HOST, Stream
from deploy.run.target import Target

SCHEMA_VERSION = 1
WARM_UP = 5
"""Images before anything is measured: first calls allocate memory and fill caches."""
FEWEST = 50
"""Images that are measured at least; a smaller set is repeated."""
MOST_LATENCIES = 500


@dataclass(frozen=True)
class Speed:
    """`latency_ms` is wall time from opening an image's file to its objects, one image in flight.

    `plugins_ms` is the mean wall time of each plugin in the same passes, and `stages_ms` the same by what plugins are
    for (stage_times); both are empty where the SDK runs the stream, which does not tell. They are not additive: what
    happens between plugins is in none of them. `on` is one of deploy.run.stream.ON, `model` as measured_model says.
    """

    images: int
    failed_images: int
    images_per_second: float
    latency_ms: dict[str, float]
    plugins_ms: dict[str, float]
    stages_ms: dict[str, float]
    on: str
    model: dict[str, Any]
    machine: Machine

    @property
    def host(self) -> bool:
        """Whether the model ran on this machine's CPU."""
        return self.on == HOST

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "images": self.images,
            "failed_images": self.failed_images,
            "images_per_second": self.images_per_second,
            "latency_ms": dict(self.latency_ms),
            "plugins_ms": dict(self.plugins_ms),
            "stages_ms": dict(self.stages_ms),
            "host": self.host,
            "on": self.on,
            "machine": self.machine.to_json(),
            "model": dict(self.model),
        }

    def to_text(self) -> str:
        where = "on the host engine: the speed of this machine, not of a board" if self.host else "on the board"
        failed = f", {self.failed_images} failed" if self.failed_images else ""
        lines = [
            f"images = {self.images}{failed}, {where}",
            f"{self.machine.to_text()}; {self.model['file']} {self.model['sha256'][:12]}",
            f"images per second = {self.images_per_second:.1f} (several in flight)",
            "latency, one in flight: " + ", ".join(f"{key} = {value:.2f} ms" for key, value in self.latency_ms.items()),
        ]
        lines += [f"  {name} = {value:.2f} ms" for name, value in self.plugins_ms.items()]
        return "\n".join(lines)


def measure(target: Target, source: Path, image_dir: Path | None, machine: Machine) -> Speed:
    """Measure detect.pipeline on the images of an image set or a folder. Images that fail are reported and not timed.

    `machine` is what it runs on.

    `source` and `image_dir` are those of deploy.run.image_source. Raises DataError for a faulty one or when all
    images fail, ModelError and EnvironmentFault as deploy.run.session.open_stream does.
    """
    images = image_source(source, image_dir)
    for sentence in images.notes:
        note(sentence)
    folder = images.folder
    with open_stream(target, "detect") as (stream, pipeline):
        model = measured_model(pipeline, stream.host)
        factories = {name: str(element["factory"]) for name, element in pipeline.elements.items()}
        for _ in answers(stream, folder, images.names[:WARM_UP]):
            pass
        rate, faults = saturated(stream, folder, repeated(images.names, FEWEST))
        check_some_succeeded(len(images.names), list(faults))
        good = [name for name in images.names if name not in faults]
        stream.reset_plugin_milliseconds()
        seconds = latencies(stream, folder, repeated(good, FEWEST)[:MOST_LATENCIES])
        plugins = stream.plugin_milliseconds()
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    percentiles = {f"p{percent}": 1000 * cuts[percent - 1] for percent in (50, 90, 99)}
    stages = stages_ms(plugins, factories)
    return Speed(len(images.names), len(faults), rate, percentiles, plugins, stages, stream.on, model, machine)


def saturated(stream: Stream, folder: Path, names: Sequence[str]) -> tuple[float, dict[str, str]]:
    """Images a second with several in flight, reading their files included, and the fault of each that failed.

    Those that failed do not count as images.
    """
    faults: dict[str, str] = {}
    done = 0
    progress = Progress("throughput:", len(names))
    start = time.perf_counter()
    for name, _, outcome in answers(stream, folder, names):
        if not outcome.fault:
            done += 1
        elif name not in faults:
            faults[name] = outcome.fault
            progress.fault(name, outcome.fault)
        progress.step()
    seconds = time.perf_counter() - start
    progress.finish()
    return done / seconds, faults


def latencies(stream: Stream, folder: Path, names: Sequence[str]) -> list[float]:
    """Seconds from opening an image's file to its objects, one image in flight."""
    seconds = []
    progress = Progress("latency:", len(names))
    start = time.perf_counter()
    for _ in answers(stream, folder, names, in_flight=1):
        now = time.perf_counter()
        seconds.append(now - start)
        progress.step()
        start = time.perf_counter()
    progress.finish()
    return seconds


def repeated(names: Sequence[str], fewest: int) -> list[str]:
    """The names, over and over where they are fewer than `fewest`."""
    return list(itertools.islice(itertools.cycle(names), max(fewest, len(names))))
