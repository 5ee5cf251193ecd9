"""The verbs push and doctor: their options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from compute_mAP.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from deploy.board.doctor import DEFAULT_FOLDER, Wanted
from deploy.errors import UsageError

RUNS = ("detect", "speed", "eval")


def add_verbs(verbs: Any) -> None:
    """Add push and doctor to the parser's verbs."""
    text = "check a board, copy the bundle and the code, switch to them, run there and compare"
    push = _verb(verbs, "push", text, _push)
    push.add_argument("host", metavar="USER@HOST", help="what ssh takes, or a name of your ssh configuration")
    push.add_argument("--bundle", "--model", type=Path, metavar="BUNDLE", help="default: models/demo")
    push.add_argument(
        "--run",
        nargs="+",
        default=[],
        metavar=("VERB", "ARGUMENT"),
        help="detect IMAGE_SET IMAGE_DIR, speed IMAGE_SET IMAGE_DIR or eval VOCDEVKIT, on the board and here",
    )
    push.add_argument("--rollback", action="store_true", help="only switch back to the previous release")
    push.add_argument("--force", action="store_true", help="continue even if the board is not ready")
    push.add_argument(
        "--trust", action="store_true", help="let the bundle's own Python code run, on the board and here"
    )
    push.add_argument("--no-compare", action="store_true", help="do not repeat the run on the host engine")
    push.add_argument("--out", type=Path, default=Path("push_result"), metavar="DIR", help="default: push_result")
    push.add_argument("--pipeline", metavar="NAME", help="of the bundle, to run there (default: what the SDK takes)")
    push.add_argument("--conf", type=float, metavar="X", help="score and objectness threshold for the run, 0..1")
    push.add_argument("--iou", type=float, metavar="X", help="IoU threshold of NMS for the run, 0..1")
    push.add_argument("--year", help="for eval; default: VOC2007, or the devkit's only year")
    push.add_argument("--image-set", metavar="NAME", help="for eval; default: test, or the devkit's only image set")
    push.add_argument("--protocol", choices=PROTOCOLS, default=DEFAULT_PROTOCOL, help="for eval (default: %(default)s)")
    push.add_argument(
        "--match-iou",
        type=float,
        default=0.75,
        metavar="X",
        help="boxes match from this IoU (default: %(default)s)",
    )
    push.add_argument(
        "--match-conf",
        type=float,
        default=0.1,
        metavar="X",
        help="boxes match up to this difference in confidence (default: %(default)s)",
    )
    doctor = _verb(verbs, "doctor", "check whether a board, or this machine, has what the detector needs", _doctor)
    doctor.set_defaults(afterwards=lambda examined: examined.check())
    doctor.add_argument("host", nargs="?", metavar="USER@HOST", help="default: this machine")
    doctor.add_argument("--bundle", "--model", type=Path, metavar="BUNDLE", help="was its OM made for this chip?")


def _verb(verbs: Any, name: str, text: str, command: Any) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    verb.set_defaults(command=command)
    verb.add_argument(
        "--ssh-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="as in ssh_config, such as Port=2222 or IdentityFile=PATH; may be repeated",
    )
    verb.add_argument(
        "--env",
        action="append",
        metavar="FILE",
        help="a set_env.sh on the board to source, in place of those that are found; repeat it, CANN's first",
    )
    verb.add_argument("--python", metavar="PROGRAM", help="the interpreter on the board (default: python3)")
    verb.add_argument(
        "--dir", default=DEFAULT_FOLDER, metavar="DIR", help=f"the folder on the board (default: ~/{DEFAULT_FOLDER})"
    )
    verb.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return verb


def _wanted(options: argparse.Namespace) -> Wanted:
    for option, values in (("--env", options.env or []), ("--python", [options.python]), ("--dir", [options.dir])):
        for value in values:
            if value is not None and (not value or not value.isprintable()):
                raise UsageError(f"{option} {value!r}: expected a path on the board")
    return Wanted(None if options.env is None else tuple(options.env), options.python, options.dir)


def _doctor(options: argparse.Namespace) -> Any:
    from deploy.board.doctor import doctor

    return doctor(options.host, options.ssh_option, _wanted(options), options.bundle)


def _push(options: argparse.Namespace) -> Any:
    from deploy.board.compare import Tolerance
    from deploy.board.push import Options, push, rollback
    from deploy.board.work import Settings

    wanted = _wanted(options)
    if options.run and options.run[0] not in RUNS:
        raise UsageError(f"--run {options.run[0]!r}: expected one of {', '.join(RUNS)}")
    for option, value in (("--match-iou", options.match_iou), ("--match-conf", options.match_conf)):
        if not 0 <= value <= 1:
            raise UsageError(f"{option} {value:g}: expected a number from 0 to 1")
    if options.rollback:
        if options.run or options.bundle:
            raise UsageError("--rollback cannot be combined with --run or --bundle, because it copies nothing")
        return rollback(options.host, options.ssh_option, wanted)
    return push(
        Options(
            host=options.host,
            ssh_options=options.ssh_option,
            bundle=options.bundle,
            wanted=wanted,
            run=options.run,
            settings=Settings(
                options.year,
                options.image_set,
                options.protocol,
                options.conf,
                options.iou,
                options.pipeline,
                options.trust,
            ),
            tolerance=Tolerance(options.match_iou, options.match_conf),
            compare=not options.no_compare,
            out=options.out,
            force=options.force,
        )
    )
