"""The label file of a post-processor: one class name a line, with the SDK's own idea of a comment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from compute_mAP.regular_file import read_bounded
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OPEN_FAIL, SdkFault


def parse_labels(text: str) -> list[str]:
    """Class names in the order of their ids, by the rules of the SDK's PostProcessBase.

    Trailing carriage returns and tabs go, blanks stay; a blank line is a class without a name; a line of nothing but
    carriage returns and tabs stays as it is. As long as no label has been read, a line with `#` as its first or second
    character is a comment, unless it is exactly `#`; later ones are labels.
    """
    return [label for _, label in numbered_labels(text)]


def numbered_labels(text: str) -> Iterator[tuple[int, str]]:
    """(line from 1, class name) of what `parse_labels` reads."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()  # what follows the final line end is no line
    none_yet = True
    for number, line in enumerate(lines, 1):
        label = line.rstrip("\r\n\t") or line
        if none_yet and label != "#" and "#" in label[:2]:
            continue
        none_yet = False
        yield number, label


def read_labels(path: Path) -> list[str]:
    """Read a label file. Raises SdkFault 1016 where it is missing, 1019 where unreadable, 1004 where not UTF-8."""
    try:
        return parse_labels(read_bounded(path).decode("utf-8"))
    except FileNotFoundError:
        raise SdkFault(NO_EXIST, f"there is no label file {path}") from None
    except OSError as error:
        raise SdkFault(OPEN_FAIL, f"cannot read the label file {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SdkFault(INVALID_PARAM, f"{path}: line {line} is not UTF-8; class names must be") from None
