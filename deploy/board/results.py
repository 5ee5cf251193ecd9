"""The results of a run: brought from the board, and read on this side, without trusting them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from compute_mAP.result_files import FAILED_IMAGES, class_file
from deploy.board.link import Link
from deploy.board.text import cleaned
from deploy.console import note
from deploy.errors import DataError
from deploy.results.detections import Detection
from deploy.run.machine import Machine
from deploy.run.stage_times import STAGES
from deploy.run.stream import ON
from deploy.whole_file import writing

LARGEST_FILE = 1 << 30
LARGEST_SUM = 16 << 30
LARGEST_JSON = 16 << 20
SPEED = (
    *("images", "failed_images", "images_per_second", "latency_ms"),
    *("stages_ms", "on", "machine", "model"),
)
"""What is kept of a `speed --json`."""
MOST_STRANGE = 20
"""Files that no result has, which are passed over."""


def fetch(link: Link, folder: str, target: Path, expected: Collection[str]) -> int:
    """Bring the files of a result folder into `target`, which is made; returns how many came.

    A file that is not among `expected` is left out. Raises DataError for one that arrives broken, comes twice or is too
    large, and for more files than a result can have; ReportedError where this machine's disk cannot take them.
    """
    target.mkdir(parents=True)
    link.tell("fetch", folder=folder)
    came: set[str] = set()
    strange = total = 0
    while True:
        message = link.event()
        if message["event"] == "done":
            return len(came)
        name, size = message.get("name"), message.get("size")
        if message["event"] != "file" or not isinstance(name, str) or type(size) is not int or size < 0:
            raise DataError(f"{link.host} answered with something other than result files")
        total += size
        if size > LARGEST_FILE or total > LARGEST_SUM:
            raise DataError(f"{link.host} sends {size} bytes as {cleaned(name, 80)}; that is not a result")
        if name in came:
            raise DataError(f"{link.host} sends the result file {cleaned(name, 80)!r} twice")
        # What may be written is known beforehand, so no name of the board's choosing becomes a path.
        if name not in expected:
            strange += 1
            if strange > MOST_STRANGE:
                raise DataError(f"{link.host} sends more than {MOST_STRANGE} files that no result has")
            note(f"{link.host} sends a file {cleaned(name, 80)!r} that no result has; it is ignored")
            for _ in link.read(size):
                pass
            continue
        _receive(link, target / name, size, message.get("sha256"))
        came.add(name)


def _receive(link: Link, file: Path, size: int, sha256: object) -> None:
    digest = hashlib.sha256()
    with writing(file, size), file.open("xb") as stream:
        for piece in link.read(size):
            digest.update(piece)
            stream.write(piece)
    if digest.hexdigest() != sha256:
        raise DataError(f"the result file {file.name} arrived corrupted: its hash differs from the one on the board")


def names_of_txt_result(classes: Sequence[str]) -> set[str]:
    """The files that a txt_result may have."""
    return {class_file(Path(), name).name for name in classes} | {FAILED_IMAGES}


def names_of_image_result(images: Sequence[str]) -> set[str]:
    """The files that an image_result may have."""
    return {f"{name}{suffix}" for name in images for suffix in (".jpg", ".json")} | {FAILED_IMAGES}


def read_failed(folder: Path) -> set[str]:
    """The images that a result folder lists as failed."""
    file = folder / FAILED_IMAGES
    if not file.is_file():
        return set()
    return set(file.read_text(encoding="utf-8", errors="replace").splitlines())


def read_txt_result(folder: Path, classes: Sequence[str]) -> dict[str, list[Detection]]:
    """The boxes of each image. Raises DataError for a malformed file."""
    from compute_mAP.detections import read_detections

    found: dict[str, list[Detection]] = {}
    for class_id, name in enumerate(classes):
        file = class_file(folder, name)
        if not file.is_file():
            continue
        rows = read_detections(file)
        for image, confidence, box in zip(rows.images, rows.confidence.tolist(), rows.boxes.tolist()):
            found.setdefault(image, []).append(Detection(name, class_id, confidence, *box))
    return found


def read_image_result(folder: Path, images: Sequence[str]) -> dict[str, list[Detection]]:
    """The boxes of each image that has a .json. Raises DataError for a malformed one."""
    found = {}
    for name in images:
        file = folder / f"{name}.json"
        if file.is_file():
            found[name] = _read_boxes(file)
    return found


def _read_boxes(file: Path) -> list[Detection]:
    try:
        if file.stat().st_size > LARGEST_JSON:
            raise ValueError("it is too large")
        return [_detection(entry) for entry in json.loads(file.read_bytes())["objects"]]
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as fault:
        raise DataError(f"{file} is not a list of boxes: {cleaned(str(fault), 200)}") from None


def _detection(entry: dict[str, Any]) -> Detection:
    numbers = [float(value) for value in (entry["confidence"], *entry["box"])]
    if len(numbers) != 5 or not all(map(math.isfinite, numbers)):
        raise ValueError(f"a box has {len(numbers) - 1} finite corners; expected 4")
    return Detection(cleaned(entry["class"], 200), int(entry["class_id"]), *numbers)


def read_speed(stdout: str) -> dict[str, Any]:
    """The numbers of a `speed --json`. Raises DataError for anything else."""
    try:
        report = json.loads(stdout[-LARGEST_JSON:].strip().splitlines()[-1])
        latency = {key: float(report["latency_ms"][key]) for key in ("p50", "p90", "p99")}
        rate, images, failed = float(report["images_per_second"]), report["images"], report["failed_images"]
        valid = (
            type(images) is int and type(failed) is int and all(0 <= v < math.inf for v in (rate, *latency.values()))
        )
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError, AttributeError):
        valid = False
    if not valid:
        raise DataError(f"speed on the board printed no report: {cleaned(stdout, 200)!r}")
    found = {"images": images, "failed_images": failed, "images_per_second": rate, "latency_ms": latency}
    return {**found, **_surroundings(report)}


def _surroundings(report: dict[str, Any]) -> dict[str, Any]:
    """What a `speed` says beyond its numbers; empty in each part that is not what it should be."""
    times, machine, model = (_object(report.get(key)) for key in ("stages_ms", "machine", "model"))
    size, cores = model.get("imgsz"), machine.get("cores")
    return {
        "stages_ms": {name: float(times[name]) for name in STAGES if _is_time(times.get(name))},
        "on": report["on"] if report.get("on") in ON else "",
        "machine": Machine(
            **{key: cleaned(machine.get(key), 60) for key in vars(Machine()) if key != "cores"},
            cores=cores if type(cores) is int and 0 <= cores < 10_000 else 0,
        ).to_json(),
        "model": {
            "file": cleaned(model.get("file"), 200),
            **{key: _digest(model.get(key)) for key in ("sha256", "onnx_sha256")},
            "architecture": cleaned(model.get("architecture"), 60),
            "imgsz": size if isinstance(size, list) and [type(side) for side in size] == [int, int] else None,
        },
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _digest(value: Any) -> str:
    return value if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else ""


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e9
