"""What watching a video came to: counts, rates, latencies."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from deploy.run.stream import Outcome

SCHEMA_VERSION = 1
MOST_LATENCIES = 100_000
"""Of the latest frames; a camera may run for weeks."""


@dataclass(frozen=True)
class Outputs:
    """`lines` gets JSON a frame, `save` is an .mp4, `show` a window; `frames` is how many at most, None for all."""

    lines: TextIO | None = None
    save: Path | None = None
    show: bool = False
    frames: int | None = None


@dataclass
class Watched:
    """`frames` came out with boxes or a fault, `dropped` were read and not looked at, since others were newer.

    `latency_ms` is from capture to boxes (of the encoding too), for a file with several frames in flight.
    """

    source: str
    live: bool
    on: str
    frames: int = 0
    failed_frames: int = 0
    dropped: int = 0
    reconnected: int = 0
    seconds: float = 0.0
    objects: Counter[str] = field(default_factory=Counter)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_LATENCIES))
    plugins_ms: dict[str, float] = field(default_factory=dict)
    saved: Path | None = None

    def add(self, outcome: Outcome) -> None:
        """Count a frame that came out."""
        self.frames += 1
        self.failed_frames += bool(outcome.fault)
        self.objects.update(found.name for found in outcome.objects)

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def latency_ms(self) -> dict[str, float]:
        if len(self.latencies) < 2:
            return {key: 1000 * sum(self.latencies) for key in ("p50", "p99")}
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        return {"p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "live": self.live,
            "on": self.on,
            "frames": self.frames,
            "failed_frames": self.failed_frames,
            "dropped": self.dropped,
            "reconnected": self.reconnected,
            "seconds": self.seconds,
            "frames_per_second": self.frames_per_second,
            "latency_ms": self.latency_ms(),
            "plugins_ms": dict(self.plugins_ms),
            "objects": dict(self.objects.most_common()),
            "saved": None if self.saved is None else str(self.saved),
        }

    def to_text(self) -> str:
        """Nothing: stdout has the lines. `summary` is for stderr."""
        return ""

    def summary(self) -> str:
        failed = f", {self.failed_frames} failed" if self.failed_frames else ""
        again = f", opened again {self.reconnected} times" if self.reconnected else ""
        counts = ", ".join(f"{name} x{count}" for name, count in self.objects.most_common()) or "none"
        p50, p99 = self.latency_ms().values()
        lines = [
            f"{self.source}: {self.frames} frames in {self.seconds:.3g} s, {self.frames_per_second:.1f} frames/s"
            f"{failed}, {self.dropped} dropped{again}",
            *([f"from capture to boxes: p50 = {p50:.1f} ms, p99 = {p99:.1f} ms"] if self.latencies else []),
            *(f"  {name} = {value:.2f} ms" for name, value in self.plugins_ms.items()),
            f"objects: {counts}",
        ]
        return "\n".join(lines if self.saved is None else [*lines, f"the frames with boxes are in {self.saved}"])
