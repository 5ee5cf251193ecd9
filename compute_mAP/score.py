"""From folders of detections to a report or a comparison: the one path that `reval_voc.py` and `eval` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compute_mAP import bootstrap
from compute_mAP.bootstrap import SAMPLES, Comparison
from compute_mAP.detections import read_all_detections
from compute_mAP.ground_truth import check_some_class, load_ground_truth
from compute_mAP.report import Report
from compute_mAP.result_files import FAILED_IMAGES
from compute_mAP.text_file import read_lines
from compute_mAP.voc_devkit import Devkit
from compute_mAP.voc_eval import evaluate


def score(txt_result: Path | str, devkit: Devkit, names: Sequence[str], protocol: str = "area") -> Report:
    """Score the det_test_<class>.txt files of a folder on the devkit's image set.

    All images of the set count: one that failed (listed in the folder's failed_images.txt, where there is such a
    file, one name a line) keeps its ground truth. The report's notes hold those of the image set, the annotations and
    the detections, not those of the devkit, which its finder has.

    Raises DataError for whatever of it is missing or malformed, UsageError for an unknown protocol.
    """
    folder = Path(txt_result)
    detections, notes_on_files = read_all_detections(folder, names)
    image_set = devkit.read_image_set()
    ground_truth, faults = load_ground_truth(devkit, image_set.names)
    check_some_class(ground_truth, names, faults)
    report = evaluate(detections, ground_truth, names, protocol, _count_failed(folder))
    return replace(report, notes=[*image_set.notes, *faults, *notes_on_files, *report.notes])


def compare(
    txt_result: Path | str,
    other: Path | str,
    devkit: Devkit,
    names: Sequence[str],
    protocol: str = "area",
    samples: int = SAMPLES,
) -> Comparison:
    """What `txt_result` has more than `other` on the devkit's image set, with 95 % bootstrap intervals.

    Raises what `score` raises.
    """
    first, second = (read_all_detections(Path(folder), names)[0] for folder in (txt_result, other))
    ground_truth, _ = load_ground_truth(devkit, devkit.read_image_set().names)
    return bootstrap.compare(first, second, ground_truth, names, protocol, samples)


def _count_failed(folder: Path) -> int:
    file = folder / FAILED_IMAGES
    return sum(1 for line in read_lines(file, "list of failed images") if line.strip()) if file.is_file() else 0
