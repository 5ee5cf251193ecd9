"""What is known of chips and CANN versions: the names ATC takes for a chip, the newest ONNX opset a version reads.

The opsets are those that CANN's documents and its users' reports agree on; where they differ, the lower one.
"""

from __future__ import annotations

import re

from deploy.errors import UsageError
from deploy.wording import nearest

DEFAULT_CANN = "5.0.4"
"""What MindX SDK 2.0.4 goes with: the oldest version here, so that a model which suits it suits the later ones."""
CHIPS = ("Ascend310", "Ascend310P1", "Ascend310P3", "Ascend310B1", "Ascend310B4", "Ascend910A", "Ascend910B")
"""Chips to suggest; ATC knows more of them (`npu-smi info` shows the name, to be written behind "Ascend")."""
_NEWEST_OPSETS = (((8, 5), 18), ((8, 3), 17), ((7, 0), 13), ((5, 0), 11))


def check_soc(soc: str) -> str:
    """The chip's name for --soc_version. Raises UsageError for what cannot be one."""
    if not re.fullmatch(r"Ascend[0-9]{3}\w*", soc, re.ASCII):
        raise UsageError(f"--soc {soc!r}: expected the name of a chip, such as Ascend310{nearest(soc, CHIPS)}")
    return soc


def newest_opset(cann: str) -> int:
    """The newest ONNX opset that a CANN version ("5.0.4", "8.1.RC1") converts whole.

    Raises UsageError for what is no version, or one before 5.0.
    """
    match = re.fullmatch(r"([0-9]+)\.([0-9]+)([.\w]*)", cann, re.ASCII)
    if match:
        version = (int(match.group(1)), int(match.group(2)))
        for since, opset in _NEWEST_OPSETS:
            if version >= since:
                return opset
    raise UsageError(f"--cann {cann!r}: expected a version of CANN from 5.0 on, such as {DEFAULT_CANN} or 8.1.RC1")
