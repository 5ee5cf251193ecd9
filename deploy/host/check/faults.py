"""Faults that other parts of the engine raise, as findings."""

from __future__ import annotations

import re

from deploy.host.pipeline.findings import ERROR, Finding
from deploy.sdk_codes import SdkFault


def as_finding(fault: SdkFault, name: str, line: int = 0) -> Finding:
    """The fault without the file's name; its own line where it tells one."""
    sentence = fault.sentence.removeprefix(f"{name}: ")
    match = re.match(r"line ([0-9]+):? ", sentence)
    if match:
        line, sentence = int(match.group(1)), sentence[match.end() :]
    return Finding(line, ERROR, sentence, fault.code)
