"""val: precision, recall and mAP of a checkpoint on a split."""

from __future__ import annotations

import argparse
import sys

from compress.commands.declare import Verbs, answer, verb
from compress.commands.opened import looking_options, opened
from deploy.errors import DataError, UsageError


def add(verbs: Verbs) -> None:
    parser = verb(verbs, "val", val, "precision, recall and mAP of a checkpoint, class by class")
    looking_options(parser)
    parser.add_argument("--data", required=True, metavar="FILE", help="the data set's data.yaml")
    parser.add_argument("--split", default="val", help="train, val or test (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="images a batch (default: %(default)s)")


def val(options: argparse.Namespace) -> None:
    from compress.data.data_yaml import load_data_yaml
    from compress.report.class_table import class_scores, class_table
    from compress.val.validate import Validator

    if not 1 <= options.batch_size <= 4096:
        raise UsageError(f"--batch-size is {options.batch_size}, expected 1 to 4096")
    data = load_data_yaml(options.data)
    model, imgsz, letterbox = opened(options)
    if data.names != model.names:
        raise DataError(
            f"{data.file}: has the {len(data.names)} classes {', '.join(data.names)}, "
            f"the weights have {len(model.names)}: {', '.join(model.names)[:120]}"
        )
    validator = Validator(data, options.split, imgsz, letterbox, options.batch_size)
    for fault in validator.faults:
        print(f"warning: {fault}", file=sys.stderr)
    found = validator.validate(model)
    rows = class_scores(found, validator.ground_truth, data.names)
    times = ", ".join(f"{value:.1f} ms {name}" for name, value in found.milliseconds.items())
    text = (
        f"{class_table(rows)}\n"
        f"precision and recall at confidence {found.point.confidence:.3f}, where F1 is highest: {found.point.f1:.3f}\n"
        f"an image takes {times} at {imgsz} px in batches of {options.batch_size}, letterbox {letterbox}"
    )
    result = {
        "split": options.split,
        "imgsz": imgsz,
        "letterbox": letterbox,
        "map50": found.report.map50,
        "map75": found.report.map75,
        "map50_95": found.report.map50_95,
        "f1": found.point.f1,
        "f1_confidence": found.point.confidence,
        "classes": [row.as_json() for row in rows],
        "milliseconds": found.milliseconds,
    }
    answer(options, result, text)
