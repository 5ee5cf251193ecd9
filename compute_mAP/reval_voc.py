"""Score detection files on a Pascal VOC devkit: `python compute_mAP/reval_voc.py TXT_RESULT --voc_dir VOCDEVKIT`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    # Run as a script: Python then looks for modules beside this file, where the package is not. Once imported, the
    # package finds its own, and no module is looked for in the project's folder, where people work.
    sys.path[0] = str(ROOT)
    import compute_mAP  # noqa: F401

    del sys.path[0]

from compute_mAP.bootstrap import SAMPLES  # noqa: E402
from compute_mAP.channels import open_closed_channels  # noqa: E402
from compute_mAP.class_names import read_names  # noqa: E402
from compute_mAP.detections import classes_in  # noqa: E402
from compute_mAP.errors import DataError, ReportedError  # noqa: E402
from compute_mAP.protocols import DEFAULT_PROTOCOL, PROTOCOL_HELP, PROTOCOLS  # noqa: E402
from compute_mAP.score import compare, score  # noqa: E402
from compute_mAP.terminal import flush_stdout, give_up_stdout, plain_output  # noqa: E402
from compute_mAP.voc_devkit import find_devkit  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report on stdout and the notes on stderr. Returns the exit code: 0 done, 3 bad data, 130 Ctrl-C."""
    open_closed_channels()
    with plain_output():
        options = _parser().parse_args(arguments)
        try:
            code = _report(options)
            flush_stdout()
        except KeyboardInterrupt:
            print("interrupted; nothing was written", file=sys.stderr)
            return 130
        except OSError as fault:
            give_up_stdout()
            if not isinstance(fault, BrokenPipeError):
                print(f"error: {fault.filename}: {fault.strerror}", file=sys.stderr)
            return 1
        return code


def _report(options: argparse.Namespace) -> int:
    try:
        devkit = find_devkit(options.voc_dir, options.year, options.image_set, images=False)
        names, note = _names(options.classes, options.txt_result)
        report = score(options.txt_result, devkit, names, options.protocol)
        against = None
        if options.against:
            against = compare(options.txt_result, options.against, devkit, names, options.protocol, options.samples)
    except ReportedError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return fault.exit_code
    for sentence in (*devkit.notes, *note, *report.notes):
        print(f"note: {sentence}", file=sys.stderr)
    if options.json:
        print(json.dumps({**report.to_json(), **({"against": against.to_json()} if against else {})}))
    else:
        print(report.to_text())
        if against:
            print(f"more than {options.against}:\n{against.to_text()}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reval_voc.py", description="mAP of detection files on a Pascal VOC devkit.")
    parser.add_argument("txt_result", type=Path, metavar="TXT_RESULT", help="folder with det_test_<class>.txt files")
    parser.add_argument("--voc_dir", "--voc-dir", type=Path, required=True, metavar="VOCDEVKIT", help="the devkit")
    parser.add_argument("--year", help="default: VOC2007, or the devkit's only year")
    parser.add_argument("--image-set", "--image_set", help="default: test, or the devkit's only image set")
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="FILE",
        help="class names, one a line (default: the classes that have a file in TXT_RESULT)",
    )
    parser.add_argument("--protocol", choices=PROTOCOLS, default=DEFAULT_PROTOCOL, help=PROTOCOL_HELP)
    parser.add_argument(
        "--against",
        type=Path,
        metavar="TXT_RESULT",
        help="another model's detections on the same set: print the differences with paired bootstrap intervals",
    )
    parser.add_argument(
        "--samples", type=int, default=SAMPLES, help="bootstrap samples of --against (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _names(classes: Path | None, txt_result: Path) -> tuple[list[str], list[str]]:
    """The class names, and a note on where they come from when nobody named a file.

    `eval` writes a file for every class; the original application's program only for those that it found.
    """
    if classes is not None:
        return read_names(classes), []
    names = classes_in(txt_result)
    if not names:
        raise DataError(f"{txt_result} holds no file det_test_<class>.txt to take the classes from; give --classes")
    return names, [f"the classes are those that have a file in {txt_result}; --classes FILE names others"]


if __name__ == "__main__":
    sys.exit(main())
