"""Is CANN's Python module `acl` here, and a chip behind it?"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

MODULE = "acl"


class FoundAcl(NamedTuple):
    """The module, None where it is of no use; the chip's name such as "Ascend310B4", "" where there is none; and why
    there is no module, or no chip behind it ("" where there is)."""

    module: Any
    soc: str
    why: str


def find_acl() -> FoundAcl:
    """Import it and ask for the chip; nothing is initialised."""
    try:
        module = importlib.import_module(MODULE)
    except ImportError as fault:
        missing = isinstance(fault, ModuleNotFoundError) and fault.name == MODULE
        why = "there is no module acl" if missing else f"the module acl cannot be imported ({fault})"
        return FoundAcl(None, "", f"{why}; source the set_env.sh of CANN")
    if not hasattr(module, "mdl") or not hasattr(module, "rt"):
        place = getattr(module, "__file__", None) or "an unknown place"
        return FoundAcl(None, "", f"the module acl from {place} is not CANN's; source the set_env.sh of CANN")
    soc = module.get_soc_name() or ""
    return FoundAcl(module, soc, "" if soc else "acl finds no chip; is the driver installed?")
