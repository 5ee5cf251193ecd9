"""The verbs of `python -m compress`. A stage is imported only when its verb runs: torch alone costs seconds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from compress.commands import (
    cost,
    data,
    demo,
    detect,
    export,
    gammas,
    iterate,
    lint,
    pad,
    plan,
    prune,
    run,
    training,
    val,
)
from compute_mAP.channels import open_closed_channels
from deploy.errors import ReportedError

# in the order of --help
COMMANDS = (
    data,
    training,
    gammas,
    val,
    detect,
    prune,
    plan,
    export,
    lint,
    pad,
    cost,
    iterate,
    run,
    demo,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 done, 1 failed, 2 usage, 3 data, 4 model, 5 environment, 130 Ctrl-C)."""
    open_closed_channels()
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except ReportedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("compress", "deploy", "compute_mAP"):
            raise
        print(
            f"error: the Python package {error.name} is missing: pip install 'ascend-yolo-slim[compress]'",
            file=sys.stderr,
        )
        return 5
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; a training goes on from its last whole epoch with --resume", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line of all verbs."""
    parser = argparse.ArgumentParser(prog="python -m compress", description="Compress a YOLO detector.")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for command in COMMANDS:
        command.add(verbs)
    parser.set_defaults(compress=main)  # demo runs other verbs
    return parser
