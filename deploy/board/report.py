"""What a push did and what its run found, as one JSON object and as lines for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.board.compare import Boxes
from deploy.board.findings import Finding
from deploy.board.transfer import Copied

SCHEMA_VERSION = 1
MAPS = (("map50", "mAP@0.5"), ("map75", "mAP@0.75"), ("map50_95", "mAP@0.5:0.95"))


@dataclass
class Ran:
    """One run on the board and, where it was compared, the same on the host.

    `board` and `host` are numbers of read_speed's kind for speed, else {"images", "seconds", "images_per_second"} of
    the whole run; `host_map` and `board_map` are reports of the scorer.
    """

    verb: str
    board: dict[str, Any]
    host: dict[str, Any] | None = None
    boxes: Boxes | None = None
    host_map: dict[str, Any] | None = None
    board_map: dict[str, Any] | None = None
    out: Path | None = None

    def map_difference(self) -> dict[str, float] | None:
        """Board minus host of each mean, None where not both are there."""
        if self.host_map is None or self.board_map is None:
            return None
        return {key: self.board_map[key] - self.host_map[key] for key, _ in MAPS}

    def to_json(self) -> dict[str, Any]:
        return {
            "verb": self.verb,
            "timings": {"host": self.host, "board": self.board},
            "boxes": None if self.boxes is None else self.boxes.to_json(),
            "map": {"host": self.host_map, "board": self.board_map, "difference": self.map_difference()},
            "out": None if self.out is None else str(self.out),
        }

    def to_text(self) -> str:
        lines = [self.boxes.to_text()] if self.boxes is not None else []
        difference = self.map_difference()
        if difference is not None and self.host_map is not None and self.board_map is not None:
            protocol = self.host_map["protocol"]
            lines += [
                f"{name} ({protocol}): host {self.host_map[key]:.4f}, board {self.board_map[key]:.4f}, "
                f"difference {difference[key]:+.4f}"
                for key, name in MAPS
            ]
        lines.append(f"{'':32}{'host':>12}{'board':>12}")
        lines += [f"{name:32}{_shown(here):>12}{_shown(there):>12}" for name, here, there in self._timings()]
        if self.out is not None:
            lines.append(f"all results in {self.out}")
        return "\n".join(lines)

    def _timings(self) -> list[tuple[str, float | None, float | None]]:
        host = self.host or {}
        saturated = "several in flight" if self.verb == "speed" else "whole run"
        rows = [(f"images/s, {saturated}", host.get("images_per_second"), self.board["images_per_second"])]
        if self.verb == "speed":
            mine = host.get("latency_ms", {})
            rows += [(f"latency {key}, ms", mine.get(key), value) for key, value in self.board["latency_ms"].items()]
            here, there = host.get("stages_ms", {}), self.board["stages_ms"]
            rows += [(f"{stage}, ms", here.get(stage), there.get(stage)) for stage in {**here, **there}]
        else:
            rows.append(("seconds, model loading included", host.get("seconds"), self.board["seconds"]))
        return rows


@dataclass
class Pushed:
    """`release` is the current one on the board now, `previous` what --rollback goes back to ("" if that is not known
    or there is none), `same` whether there was nothing to copy."""

    host: str
    release: str
    previous: str
    same: bool
    findings: list[Finding]
    copied: Copied | None
    ran: Ran | None = None
    rolled_back: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "host": self.host,
            "release": self.release,
            "previous": self.previous,
            "unchanged": self.same,
            "rolled_back": self.rolled_back,
            "findings": [finding.to_json() for finding in self.findings],
            "copied": None if self.copied is None else asdict(self.copied),
            "run": None if self.ran is None else self.ran.to_json(),
        }

    def to_text(self) -> str:
        if self.rolled_back:
            return f"{self.host} is back at {self.release}; the release it left is {self.previous or 'not known'}"
        copied = self.copied
        what = "nothing had to be copied"
        if copied is not None and copied.files:
            what = f"{copied.files} files copied, {copied.bytes / 1e6:.1f} MB"
            if copied.reconnects:
                what += f", the connection made again {copied.reconnects} times"
        before = f", --rollback goes back to {self.previous}" if self.previous else ""
        head = f"{self.host} has {self.release}: {what}{before}"
        return head if self.ran is None else f"{head}\n{self.ran.to_text()}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
