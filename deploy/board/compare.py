"""The host's boxes against the board's: which of them match, and which image is the first that differs.

The two do not compute alike: the chip decodes and scales images by rules of its own and infers in half precision. So
a box matches one of the same class that overlaps it enough and has nearly the same confidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deploy.results.detections import Detection

FLOOR = 0.25
"""Confidence from which a box counts; what lies below comes and goes with the last bits."""


@dataclass(frozen=True)
class Tolerance:
    """`iou` in 0..1, at least; `confidence` in 0..1, difference at most."""

    iou: float = 0.75
    confidence: float = 0.1


@dataclass(frozen=True)
class Boxes:
    """`host` and `board` are the boxes that count on each side, `matched` the pairs among them and weaker ones.

    `mean_iou` and `confidence_difference` (the largest) are those of the pairs, None where there is none.
    `first_difference` is {"image", "sentence"} of the first image in the set's order that differs, or None.
    """

    images: int
    differing: int
    host: int
    board: int
    matched: int
    mean_iou: float | None
    confidence_difference: float | None
    first_difference: dict[str, str] | None
    tolerance: Tolerance

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "floor": FLOOR}

    def to_text(self) -> str:
        lines = [
            f"boxes with confidence from {FLOOR:g}: {self.host} on the host, {self.board} on the board, {self.matched} "
            f"matched (IoU >= {self.tolerance.iou:g}, confidence within {self.tolerance.confidence:g})"
        ]
        if self.mean_iou is not None:
            lines.append(
                f"matched boxes: mean IoU {self.mean_iou:.4f}, confidence differs by "
                f"{self.confidence_difference:.4f} at most"
            )
        if self.first_difference is None:
            lines.append(f"none of {self.images} images differs")
        else:
            first = self.first_difference
            lines.append(f"{self.differing} of {self.images} images differ, the first of them:")
            lines.append(f"  {first['image']}: {first['sentence']}")
        return "\n".join(lines)


def compare(
    names: Sequence[str],
    host: Mapping[str, Sequence[Detection]],
    board: Mapping[str, Sequence[Detection]],
    host_failed: Collection[str] = (),
    board_failed: Collection[str] = (),
    tolerance: Tolerance | None = None,
) -> Boxes:
    """Compare image by image; `names` is their order. An image that failed on one side only differs."""
    allowed = tolerance or Tolerance()
    first: dict[str, str] | None = None
    differing = on_host = on_board = 0
    pairs: list[tuple[float, float]] = []
    for name in names:
        mine, theirs = host.get(name, ()), board.get(name, ())
        on_host += sum(box.confidence >= FLOOR for box in mine)
        on_board += sum(box.confidence >= FLOOR for box in theirs)
        found = pair_up(mine, theirs, allowed)
        sentence = found.sentence
        pairs += [(iou(one, other), abs(one.confidence - other.confidence)) for one, other in found.pairs]
        if (name in host_failed) != (name in board_failed):
            sentence = "it failed on the " + ("host" if name in host_failed else "board") + " only"
        if sentence:
            differing += 1
            first = first or {"image": name, "sentence": sentence}
    ious = [iou for iou, _ in pairs]
    return Boxes(
        images=len(names),
        differing=differing,
        host=on_host,
        board=on_board,
        matched=len(pairs),
        mean_iou=sum(ious) / len(ious) if ious else None,
        confidence_difference=max((difference for _, difference in pairs), default=None),
        first_difference=first,
        tolerance=allowed,
    )


def iou(a: Detection, b: Detection) -> float:
    """Overlap of two boxes over their union, 0..1, corners taken as points."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = (a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both
    return both / union if union > 0 else 0.0


@dataclass
class Pairing:
    """The boxes of one image: `pairs` (host, board) that match, `alone` the others that count, each with its side,
    "host" or "board", and a `sentence` about the first of these."""

    pairs: list[tuple[Detection, Detection]] = field(default_factory=list)
    alone: list[tuple[Detection, str]] = field(default_factory=list)
    sentence: str = ""


def pair_up(host: Sequence[Detection], board: Sequence[Detection], tolerance: Tolerance | None = None) -> Pairing:
    """Which boxes of one image match. Those with most confidence choose first, each the free one that it overlaps most.

    Boxes below FLOOR are partners only.
    """
    allowed = tolerance or Tolerance()
    free = {"host": list(host), "board": list(board)}
    found = Pairing()
    for box, side in _strongest(host, board):
        other = "board" if side == "host" else "host"
        if not any(box is entry for entry in free[side]):
            continue
        _take(free[side], box)
        close = [
            (iou(box, entry), entry)
            for entry in free[other]
            if entry.class_id == box.class_id
            and entry.name == box.name
            and abs(entry.confidence - box.confidence) <= allowed.confidence
        ]
        overlap, partner = max(close, key=lambda pair: pair[0], default=(0.0, box))
        if close and overlap >= allowed.iou:
            _take(free[other], partner)
            found.pairs.append((box, partner) if side == "host" else (partner, box))
            continue
        if not found.alone:
            found.sentence = f"only the {side} has {_shown(box)}{_nearest(box, free[other], other)}"
        found.alone.append((box, side))
    return found


def _strongest(host: Sequence[Detection], board: Sequence[Detection]) -> Iterator[tuple[Detection, str]]:
    both = [(box, "host") for box in host] + [(box, "board") for box in board]
    yield from sorted((entry for entry in both if entry[0].confidence >= FLOOR), key=lambda entry: -entry[0].confidence)


def _take(boxes: list[Detection], box: Detection) -> None:
    """Remove this very box; an equal one may be there twice."""
    del boxes[next(i for i, entry in enumerate(boxes) if entry is box)]


def _shown(box: Detection) -> str:
    return f"{box.name} {box.confidence:.3f} at {box.x0:.1f} {box.y0:.1f} {box.x1:.1f} {box.y1:.1f}"


def _nearest(box: Detection, others: Sequence[Detection], side: str) -> str:
    overlap, found = max(((iou(box, entry), entry) for entry in others), key=lambda pair: pair[0], default=(0.0, box))
    return f"; nearest on the {side}: {_shown(found)} (IoU {overlap:.2f})" if overlap > 0 else ""
