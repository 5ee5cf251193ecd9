"""Prints one Markdown table over several bundles: `python benchmarks/compare.py VOCDEVKIT OUT TITLE=BUNDLE ...`."""

from __future__ import annotations

import sys
from pathlib import Path

from compress.report.comparison import compare, markdown_table
from compute_mAP.errors import ReportedError
from compute_mAP.voc_devkit import find_devkit


def main(arguments: list[str]) -> int:
    if len(arguments) < 3 or not all("=" in pair for pair in arguments[2:]):
        print("usage: python benchmarks/compare.py VOCDEVKIT OUT TITLE=BUNDLE ...", file=sys.stderr)
        return 2
    try:
        devkit = find_devkit(arguments[0])
        rows = []
        for pair in arguments[2:]:
            title, _, bundle = pair.partition("=")
            out = Path(arguments[1]) / Path(bundle).name
            out.mkdir(parents=True, exist_ok=True)
            rows.append(compare(title, Path(bundle), devkit.image_set_file, devkit.images, Path(arguments[0]), out))
    except ReportedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(markdown_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
