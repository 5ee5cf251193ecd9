"""The rungs of the ladder from a checkpoint to the board: what each may lose against the one before it, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deploy.board.compare import FLOOR, pair_up
from deploy.results.detections import Detection


@dataclass(frozen=True)
class Allowed:
    """What a rung may lose.

    `relative`: the largest difference of the raw outputs, of their largest value, at most; None where another
    arithmetic makes it say nothing. `cosine` of the raw outputs and `matched` share of boxes, at least, 0..1; None
    where there are none.
    """

    relative: float | None = None
    cosine: float | None = None
    matched: float | None = None


ALLOWED = {
    "pruned": Allowed(relative=1e-9),  # both in double precision (compress/prune/surgery.py)
    "checkpoint": Allowed(),
    # one network in other programs: only the order of sums may differ (compress/export/onnx_file.py)
    "onnx": Allowed(relative=1e-4),
    "simplified": Allowed(relative=1e-4, matched=0.99),
    # eight bits a value: most of the boxes survive
    "int8": Allowed(cosine=0.98, matched=0.8),
    # the same file on the same pixels
    "float": Allowed(relative=1e-4, matched=0.99),
    # NV12, whole numbers in AIPP, the scaler's geometry, half precision
    "board": Allowed(cosine=0.98, matched=0.8),
    "device": Allowed(matched=0.9),
}
"""By the key of a rung, in their order. `device` is a chip: the board's SDK, or the host engine through acl."""
EIGHT_BITS = Allowed(cosine=0.999, matched=0.95)
"""Of `float` where the model is int8: the engine computes in whole numbers what onnxruntime computes in floats, and a
value between two steps may round to either."""


@dataclass
class Seen:
    """What one rung made of the images: raw outputs of each (none where only boxes are known) and boxes by image."""

    outputs: list[list[np.ndarray]] = field(default_factory=list)
    boxes: dict[str, list[Detection]] | None = None


@dataclass(frozen=True)
class Fault:
    """What is broken: `kind` is a field of Allowed, or "shape" or "finite" of the outputs, or "files"."""

    kind: str
    found: float = 0.0
    allowed: float = 0.0
    words: str = ""

    def __str__(self) -> str:
        return {
            "relative": f"raw outputs differ by {self.found:.1e} of their largest value, expected {self.allowed:.0e} "
            "at most",
            "cosine": f"the cosine of the raw outputs is {self.found:.4f}, expected {self.allowed:g} at least",
            "matched": f"{self.found:.1%} of the boxes match, expected {self.allowed:.0%} at least",
            "shape": "the raw outputs have other shapes",
            "finite": "the raw outputs hold numbers that are not finite",
            "files": self.words,
        }[self.kind]


@dataclass(frozen=True)
class Rung:
    """One step of the ladder against the one before it; None where there is nothing to compare.

    `max_abs` is the largest difference of the raw outputs, `relative` the same of their largest value, `cosine` the
    smallest over the images; `matched` the share of boxes from confidence FLOOR on that have a partner, of `boxes` on
    this rung; `map50_95` the mAP of these images where there is ground truth. `recorded`: not measured now but when the
    step was made. `fault` says what is broken, None where the rung holds.
    """

    key: str
    max_abs: float | None = None
    relative: float | None = None
    cosine: float | None = None
    matched: float | None = None
    boxes: int | None = None
    map50_95: float | None = None
    recorded: bool = False
    fault: Fault | None = None

    def to_json(self) -> dict[str, Any]:
        found = {key: value for key, value in self.__dict__.items() if key not in ("fault", "key")}
        return {"rung": self.key, **found, "holds": self.fault is None, "fault": str(self.fault or "")}


def compared(
    key: str, before: Seen | None, after: Seen, map50_95: float | None = None, allowed: Allowed | None = None
) -> Rung:
    """The rung `key` from what it and the one before it saw; `allowed` in place of that of its key."""
    boxes = None if after.boxes is None else _count(after.boxes)
    if before is None:
        return Rung(key, boxes=boxes, map50_95=map50_95)
    numbers, fault = _of_outputs(before.outputs, after.outputs)
    matched = matched_share(before.boxes, after.boxes)
    fault = fault or _fault(allowed or ALLOWED[key], {**numbers, "matched": matched})
    return Rung(
        key,
        numbers["max_abs"],
        numbers["relative"],
        numbers["cosine"],
        matched,
        boxes,
        map50_95,
        fault=fault,
    )


def recorded(key: str, relative: float) -> Rung:
    """The rung `key` as it was measured when it was made."""
    return Rung(key, relative=relative, recorded=True, fault=_fault(ALLOWED[key], {"relative": relative}))


def _of_outputs(
    before: Sequence[Sequence[np.ndarray]], after: Sequence[Sequence[np.ndarray]]
) -> tuple[dict[str, float | None], Fault | None]:
    if not before or not after:
        return {"max_abs": None, "relative": None, "cosine": None}, None
    nothing: dict[str, float | None] = {"max_abs": None, "relative": None, "cosine": None}
    largest = scale = 0.0
    cosine = 1.0
    for one, other in zip(before, after, strict=True):
        if [a.shape for a in one] != [b.shape for b in other]:
            return nothing, Fault("shape")
        a, b = (np.concatenate([entry.ravel().astype(np.float64) for entry in outputs]) for outputs in (one, other))
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return nothing, Fault("finite")
        largest, scale = max(largest, float(np.abs(a - b).max())), max(scale, float(np.abs(a).max()))
        length = float(np.linalg.norm(a) * np.linalg.norm(b))
        cosine = min(cosine, float(a @ b) / length if length else 1.0)
    return {"max_abs": largest, "relative": largest / (scale or 1.0), "cosine": cosine}, None


def matched_share(
    before: Mapping[str, Sequence[Detection]] | None, after: Mapping[str, Sequence[Detection]] | None
) -> float | None:
    """The share of boxes from FLOOR on that have a partner on the other side, 0..1; None where there is no box.

    Boxes without area overlap nothing, not even themselves; they do not count.
    """
    if before is None or after is None:
        return None
    pairs = alone = 0
    for name in dict.fromkeys([*before, *after]):
        found = pair_up(_with_area(before.get(name, ())), _with_area(after.get(name, ())))
        pairs += len(found.pairs)
        alone += len(found.alone)
    return 2 * pairs / (2 * pairs + alone) if pairs or alone else None


def _with_area(boxes: Sequence[Detection]) -> list[Detection]:
    return [box for box in boxes if box.x1 > box.x0 and box.y1 > box.y0]


def _count(boxes: Mapping[str, Sequence[Detection]]) -> int:
    return sum(box.confidence >= FLOOR for found in boxes.values() for box in found)


def _fault(allowed: Allowed, values: Mapping[str, float | None]) -> Fault | None:
    relative, cosine, matched = values.get("relative"), values.get("cosine"), values.get("matched")
    if allowed.relative is not None and relative is not None and not relative <= allowed.relative:
        return Fault("relative", relative, allowed.relative)
    if allowed.cosine is not None and cosine is not None and not cosine >= allowed.cosine:
        return Fault("cosine", cosine, allowed.cosine)
    if allowed.matched is not None and matched is not None and not matched >= allowed.matched:
        return Fault("matched", matched, allowed.matched)
    return None


def first_broken(rungs: Sequence[Rung]) -> Rung | None:
    """The first rung that does not hold."""
    return next((rung for rung in rungs if rung.fault), None)
