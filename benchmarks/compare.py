"""Prints one Markdown table over several bundles: their score on a devkit, their size and this computer's speed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, which has a compress.py of its own

from compress.report.comparison import compare, markdown_table  # noqa: E402
from compute_mAP.voc_devkit import find_devkit  # noqa: E402
from deploy.console import exit_code  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("devkit", metavar="VOCDEVKIT")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder for what eval writes")
    parser.add_argument("bundles", metavar="TITLE=BUNDLE", nargs="+")
    options = parser.parse_args()
    if not all("=" in pair for pair in options.bundles):
        parser.error("each bundle has a title: TITLE=BUNDLE")
    return exit_code(lambda: _print_table(options))


def _print_table(options: argparse.Namespace) -> None:
    devkit = find_devkit(options.devkit)
    rows = []
    for pair in options.bundles:
        title, _, bundle = pair.partition("=")
        out = options.out / Path(bundle).name
        out.mkdir(parents=True, exist_ok=True)
        rows.append(compare(title, Path(bundle), devkit.image_set_file, devkit.images, Path(options.devkit), out))
    print(markdown_table(rows))


if __name__ == "__main__":
    sys.exit(main())
