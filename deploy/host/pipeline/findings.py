"""What a check finds in a file: where, how bad, and one sentence."""

from __future__ import annotations

from typing import NamedTuple

from deploy.sdk_codes import OK

ERROR, WARNING, NOTE = "error", "warning", "note"


class Finding(NamedTuple):
    """`line` counts from 1; 0 means the file as a whole. `code` is what the SDK answers, 0 where it says nothing."""

    line: int
    severity: str
    sentence: str
    code: int = OK
