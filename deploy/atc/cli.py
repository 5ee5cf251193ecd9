"""The command line of build.sh."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from compute_mAP.channels import open_closed_channels
from compute_mAP.terminal import plain_output
from deploy.aipp.write import SOURCES
from deploy.atc.build import build
from deploy.atc.cann import DEFAULT_CANN
from deploy.console import exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the path of the OM on stdout, ATC's own words on stderr. Returns the exit code, 130 after Ctrl-C."""
    open_closed_channels()
    sources = "; ".join(f"{name}: {source.meaning}" for name, source in SOURCES.items())
    parser = argparse.ArgumentParser(
        prog="build.sh",
        description="Convert a bundle's ONNX to an OM with ATC (CANN toolkit), run inside the bundle's folder.",
        allow_abbrev=False,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument(
        "--soc",
        metavar="CHIP",
        help="the chip, such as Ascend310, Ascend310P3, Ascend310B4, or auto for that of this machine, where acl tells "
        "it (default: the bundle's)",
    )
    parser.add_argument(
        "--cann", default=DEFAULT_CANN, metavar="VERSION", help="the CANN that converts (default: %(default)s)"
    )
    parser.add_argument(
        "--source",
        choices=SOURCES,
        metavar="SOURCE",
        help=f"write aipp.cfg for another source of images than the bundle's. {sources}",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    options = parser.parse_args(arguments)

    def run() -> None:
        om = build(options.bundle, options.soc, options.cann, options.source)
        print(json.dumps({"schema_version": 1, **om.to_json()}) if options.json else om.path)

    with plain_output():
        return exit_code(run)
