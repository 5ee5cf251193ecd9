"""What kind of file a file is: by its suffix, and where that does not tell, by what it holds."""

from __future__ import annotations

import re
from pathlib import Path

PIPELINE, CONFIG, LABELS, AIPP = "pipeline", "config", "labels", "aipp"
SUFFIXES = {".pipeline": PIPELINE, ".names": LABELS, ".label": LABELS, ".labels": LABELS}
CHECKED = (*SUFFIXES, ".cfg")  # in a folder
_COMMENT = re.compile(rb"#[^\n]*")


def kind_of(path: Path, data: bytes) -> str:
    """One of the kinds above."""
    known = SUFFIXES.get(path.suffix.lower())
    if known:
        return known
    text = _COMMENT.sub(b"", data).lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        return PIPELINE
    if re.match(rb"[\s,;]*aipp_op\b", text) or re.search(rb"\baipp_(op|mode)\b", text):
        return AIPP
    if path.suffix.lower() in (".cfg", ".conf", ".config") or re.search(rb"^[^\n=]+=", text, re.MULTILINE):
        return CONFIG
    return LABELS
