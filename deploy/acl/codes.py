"""CANN's error numbers: what each means and what to do about it, and the fault that carries one.

Source: acl_base.h, rt_error_codes.h and ge_error_codes.h of CANN; the causes are those that users met.
"""

from __future__ import annotations

from typing import Any

from deploy.sdk_codes import FAILURE, OUT_OF_MEMORY, SdkFault

INITIALISED_TWICE = 100002
OUT_OF_DEVICE_MEMORY = (200000, 207001, 207018)
WRONG_CHIP = (507008, 545001)

MEANINGS = {
    100000: "an invalid parameter",
    100001: "acl is not initialised",
    100002: "acl was initialised by someone else in this process",
    100003: "the configuration file of acl is wrong",
    100037: "acl was finalized twice",
    107000: "an invalid argument",
    107001: "there is no device of that number",
    107002: "this thread has no context",
    107003: "the stream belongs to another context",
    145000: "the .om is damaged, or made by a newer CANN than this machine's",
    145002: "the .om is missing, empty or may not be read",
    145003: "there is no model of that number",
    145006: "the .om is too short or broken",
    145015: "the input has no AIPP",
    145016: "the AIPP of the input is of another mode",
    200000: "the host's memory is exhausted",
    200001: "this chip does not support it",
    207000: "this chip does not support it",
    207001: "the device's memory is exhausted",
    207004: "there is no device",
    207006: "the user may not use the device",
    207018: "the device's memory is exhausted",
    500000: "an internal error of CANN",
    500001: "a failure of CANN",
    500002: "an internal error of CANN's graph engine, or input or output buffers that do not fit the model",
    500003: "an internal error of CANN's runtime",
    500004: "an internal error of the driver",
    507000: "an internal error of CANN's runtime",
    507001: "an internal error of the chip's task scheduler",
    507007: "the device's context cannot be had; another process or container may hold the chip",
    507008: "the .om was made for another chip",
    507009: "the chip does not take this kind of task",
    507010: "the chip's task scheduler is not heard any more",
    507011: "the chip failed to execute the model",
    507012: "the chip did not report in time",
    507013: "the chip's system DMA failed",
    507014: "an AI core did not finish in time",
    507015: "an exception in an AI core",
    507016: "a trap in an AI core",
    507017: "an AI CPU did not finish in time",
    507018: "an exception in an AI CPU",
    507033: "the device cannot be set up; the driver is not ready, the user lacks rights, or another process or "
    "container holds the chip",
    507899: "an internal error of the driver",
    545001: "the .om was made for another chip",
    545002: "a part of the .om is broken",
}
_REMEDIES = {
    145000: "convert the model with a CANN that is no newer than this one's",
    207001: "end other programs on the chip (npu-smi info lists them), or take a smaller model",
    207006: "log in as HwHiAiUser, or add the user to the group HwHiAiUser",
    507007: "end other programs on the chip; npu-smi info lists them",
    507010: "start the board anew",
    507033: "end other programs on the chip (npu-smi info lists them); after a killed program start the board anew",
    507899: "start the board anew",
}


class AclFault(SdkFault):
    """A call of acl that answered with `acl_code`. `lost`: no further call on the device has a chance."""

    def __init__(self, acl_code: int, sentence: str, lost: bool = False) -> None:
        super().__init__(OUT_OF_MEMORY if acl_code in OUT_OF_DEVICE_MEMORY else FAILURE, sentence)
        self.acl_code = acl_code
        self.lost = lost


def acl_fault(acl: Any, call: str, code: int, what: str, running: bool = False) -> AclFault:
    """The fault for a call that answered with `code`; `what` says in words what could not be done.

    `running`: the model was on its way; the runtime's errors (507xxx, and those of the driver) then leave nothing of
    the device that could be used.
    """
    meaning = MEANINGS.get(code, "a code that is not documented")
    own = " ".join(str(_recent(acl)).split())[:200]
    said = f"; CANN says: {own}" if own else ""
    remedy = f"; {_REMEDIES[code]}" if code in _REMEDIES else ""
    lost = running and (code // 1000 == 507 or code in (500004, 207004))
    return AclFault(code, f"{what}: acl.{call} answers with {code}, {meaning}{said}{remedy}", lost)


def _recent(acl: Any) -> str:
    try:
        return acl.get_recent_err_msg() or ""
    except (AttributeError, TypeError):  # not in every CANN
        return ""
