"""The machine that this runs on, for a measurement to say."""

from __future__ import annotations

import os
import platform

from deploy.acl.find_acl import find_acl
from deploy.board.facts import Facts
from deploy.board.remote import probe
from deploy.board.text import cleaned
from deploy.run.machine import Machine

LONGEST = 60


def this_machine() -> Machine:
    """The chip is named as acl says it; without acl, as npu-smi does."""
    facts = Facts.from_answer({"npu_smi": probe.npu_smi(), "run": {"soc": find_acl().soc}})
    cann, sdk = probe.versions_in_use()
    return Machine(
        chip=f"Ascend{facts.chip_names[0]}" if facts.chip_names else "",
        cann=cleaned(cann, LONGEST),
        sdk=cleaned(sdk, LONGEST),
        board=cleaned(probe.board_model(), LONGEST),
        processor=platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        python=platform.python_version(),
    )
