"""How often `deploy check` agrees with the SDK about real .pipeline files: those of the SDK's own tests and of apps.

    python benchmarks/pipelines.py FOLDER LIST [LIST ...]

A LIST has a line a file: its path in FOLDER, a tab, and what the SDK does with it: `accepted`, `refused`, or anything
else, which is not counted. A file is flagged where the check finds an error; that a model, library, configuration or
label file is not there is none, because the pipeline's author had it. Every file that the two do not agree on is
listed with what the check says.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, which has a compress.py of its own

from deploy.console import exit_code  # noqa: E402
from deploy.errors import UsageError  # noqa: E402
from deploy.host.check.run import check  # noqa: E402
from deploy.host.pipeline.findings import ERROR  # noqa: E402
from deploy.sdk_codes import NO_EXIST  # noqa: E402

VERDICTS = {"accepted": False, "refused": True}  # whether the check should find an error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("lists", type=Path, nargs="+", metavar="LIST")
    return exit_code(lambda: _run(parser.parse_args()))


def _run(options: argparse.Namespace) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for file in options.lists:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            name, tab, rest = line.partition("\t")
            if not tab:
                raise UsageError(f"{file}: line {number} has no tab; it is a path, a tab and what the SDK does")
            verdict = rest.partition("\t")[0]
            if verdict not in VERDICTS:
                continue
            errors = _errors(options.folder / name)
            agrees = bool(errors) is VERDICTS[verdict]
            counts[verdict, "agrees" if agrees else "does not"] += 1
            if not agrees:
                print(f"{name}: {verdict}, check says {errors[0] if errors else 'nothing'}")
    for verdict in VERDICTS:
        right, wrong = counts[verdict, "agrees"], counts[verdict, "does not"]
        print(f"{verdict}: the check agrees about {right} of {right + wrong}")


def _errors(path: Path) -> list[str]:
    """The errors of a pipeline's own text."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    report = check([path])
    return [
        f"line {finding.line}: {finding.sentence} ({finding.code})"
        for name, _, findings in report.files
        if name == str(path)
        for finding in findings
        if finding.severity == ERROR and finding.code != NO_EXIST
    ]


if __name__ == "__main__":
    sys.exit(main())
