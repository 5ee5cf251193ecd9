"""What the facts about a board mean: a finding each, with what to do about it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.board.facts import Facts

OK, WARNING, FAULT = "ok", "warning", "fault"
PYTHON_AT_LEAST = (3, 9)
CLOCK_SECONDS = 120
EARLIEST = 1_640_995_200  # 2022; no clock that was ever set shows less
LATEST = 253_402_300_799
"""The end of 9999: the last second that the standard library can write."""
ROOM = 200 << 20
"""Bytes that a bundle, the code and a run's results take, generously."""


@dataclass(frozen=True)
class Finding:
    """`check` is chip, driver, CANN, SDK, Python, ATC, disk or clock; `level` "ok", "warning" or "fault"."""

    check: str
    level: str
    found: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        return {"check": self.check, "level": self.level, "found": self.found, "remedy": self.remedy}


def judge(facts: Facts, now: float | None, soc: str | None = None, cann: str | None = None) -> list[Finding]:
    """The findings, in the order in which they build on one another.

    `now` is the laptop's clock in seconds since 1970, None where the board checks itself; `soc` the chip that the model
    was converted for, such as "Ascend310", and `cann` the version that converted it, None where that is not known.
    """
    return [
        *_chip(facts, soc),
        _driver(facts),
        _toolkit(facts, cann),
        _sdk(facts),
        _python(facts),
        *_atc(facts),
        _disk(facts),
        _clock(facts, now),
    ]


def _chip(facts: Facts, soc: str | None) -> Iterator[Finding]:
    names = facts.chip_names
    closed = [path for path, usable in facts.devices.items() if not usable]
    if not facts.chips and not facts.devices:
        words = f"{facts.npu_smi} says: {facts.npu_smi_words}" if facts.npu_smi else "there is no npu-smi"
        yield Finding(
            "chip",
            FAULT,
            f"no chip: {words}, and no device /dev/davinci0",
            "check that this is the board; install its driver, or on a 200DK write the SD card again",
        )
        return
    if closed:
        yield Finding(
            "chip",
            FAULT,
            f"user {facts.user} may not use {closed[0]}",
            "log in as HwHiAiUser, or run as root: usermod -aG HwHiAiUser USER, and log in again",
        )
    sick = [chip for chip in facts.chips if chip.health.upper() != "OK"]
    if sick:
        harmless = "; on 310B boards Alarm is common, and harmless where models run" if "310B" in sick[0].name else ""
        remedy = f"see npu-smi info -t health{harmless}"
        yield Finding("chip", WARNING, f"{sick[0].name} reports health {sick[0].health}", remedy)
    listed = sorted({chip.name for chip in facts.chips})
    if listed and names[0] not in listed:
        found = f"acl calls the chip Ascend{names[0]}, npu-smi {', '.join(listed)}"
        yield Finding("chip", WARNING, found, f"convert for what acl says: bash build.sh BUNDLE --soc Ascend{names[0]}")
    if not names:
        words = "npu-smi tells no chip's name" if facts.npu_smi else "its name is unknown without npu-smi"
        yield Finding("chip", WARNING, f"{next(iter(facts.devices))} is there, but {words}", "compare --soc yourself")
    elif soc and soc.lower() not in {f"ascend{name}".lower() for name in names}:
        yield Finding(
            "chip",
            FAULT,
            f"Ascend{names[0]}, but the model was converted for {soc}",
            f"convert it again: bash build.sh BUNDLE --soc Ascend{names[0]}",
        )
    elif not closed and not sick:
        model = f", {facts.model}" if facts.model else ""
        yield Finding("chip", OK, ", ".join(f"Ascend{name}" for name in names) + model)


def _driver(facts: Facts) -> Finding:
    if facts.driver:
        return Finding("driver", OK, facts.driver)
    return Finding(
        "driver",
        WARNING,
        "no version.info of a driver",
        "nothing to do if npu-smi info shows the chip; else install the driver that fits CANN",
    )


def _toolkit(facts: Facts, cann: str | None) -> Finding:
    if facts.missing_env:
        return Finding("CANN", FAULT, f"{facts.missing_env[0]} does not exist there", "name the right file with --env")
    found = next((kit for kit in facts.toolkits if kit.set_env in facts.env), None)
    if found is not None:
        if cann and (0,) < _version(found.version) < _version(cann):
            return Finding(
                "CANN",
                WARNING,
                f"{found.version}, older than the {cann} that the model was converted for",
                "convert it with the board's own CANN; newer ones run older models, not the other way round",
            )
        others = [name for name in found.beside if _version(name) not in ((0,), _version(found.version))]
        beside = f"; beside it {', '.join(others)}, which --env can name" if others else ""
        return Finding("CANN", OK, f"{found.version or 'version unknown'}, {found.set_env}{beside}")
    if facts.on == "acl" and not facts.told:
        return Finding("CANN", OK, "no set_env.sh was found or is needed: acl imports as it is")
    if facts.told:
        return Finding("CANN", OK, f"sourced as told: {', '.join(facts.env)}")
    return Finding(
        "CANN",
        FAULT,
        "no set_env.sh in ~/Ascend or /usr/local/Ascend",
        "install CANN's nnrt or toolkit, or name its set_env.sh with --env",
    )


def _version(text: str) -> tuple[int, ...]:
    """The first two numbers of "5.0.4" or "8.1.RC1"; (0,) for what is no version."""
    match = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0,)


def _sdk(facts: Facts) -> Finding:
    fault = facts.modules["StreamManagerApi"]
    if facts.on == "acl":
        return _cann_alone(facts)
    if not fault:
        where = f", {facts.sdk_home}" if facts.sdk_home else ""
        return Finding("SDK", OK, f"{facts.sdk_version or 'version unknown'}{where}; StreamManagerApi imports")
    if not facts.sdks and not facts.told:
        return Finding(
            "SDK",
            FAULT,
            "no MindX SDK: StreamManagerApi cannot be imported; no mxVision*/set_env.sh in ~/MindX_SDK or /usr/local; "
            f"and CANN alone does not do: {_no_acl(facts)}",
            f"{_hidden(facts)}source the set_env.sh of CANN for the Python that its acl was built for (--env, "
            "--python), or install the MindX SDK (mxVision)",
        )
    reason = facts.python_fault or fault
    return Finding(
        "SDK",
        FAULT,
        f"after {' and '.join(facts.env)} StreamManagerApi cannot be imported: {reason}",
        "use the Python that the SDK was built for (--python), and the CANN version that belongs to it",
    )


def _no_acl(facts: Facts) -> str:
    """Why the chip cannot be had through acl."""
    return facts.modules["acl"] or "acl imports and finds no chip"


def _hidden(facts: Facts) -> str:
    """The usual reason why a board's own modules do not import."""
    return f"{facts.python_path} is a virtual environment, which may hide the board's modules; " if facts.venv else ""


def _cann_alone(facts: Facts) -> Finding:
    """No SDK, and none needed where numpy and cv2 are."""
    missing = [name for name in ("numpy", "cv2") if facts.modules[name]]
    if not missing and facts.sdks:
        return Finding(
            "SDK",
            WARNING,
            f"{facts.sdks[0].set_env} is there, but StreamManagerApi cannot be imported: "
            f"{facts.modules['StreamManagerApi']}; models run with --on acl, by CANN alone",
            "nothing to do unless the SDK is to run them; then use the Python that it was built for (--python)",
        )
    if not missing:
        return Finding("SDK", OK, f"none; CANN alone: acl imports and has {facts.soc}, so models run with --on acl")
    return Finding(
        "SDK",
        FAULT,
        f"none, and CANN alone needs {' and '.join(missing)} too: {facts.modules[missing[0]]}",
        f"{_hidden(facts)}name the board's own interpreter with --python, or install python3-numpy and python3-opencv",
    )


def _atc(facts: Facts) -> Iterator[Finding]:
    """ATC runs Python code of its own in the python3 that comes first."""
    if not facts.atc or not facts.python:
        return
    wrong = []
    if facts.python[:2] > (3, 10):
        wrong.append(f"Python {'.'.join(map(str, facts.python))}, newer than the 3.10 that CANN up to 8.2 is built for")
    if facts.modules["numpy"]:
        wrong.append("no numpy")
    elif facts.numpy_version.partition(".")[0] not in ("", "0", "1"):
        wrong.append(f"numpy {facts.numpy_version}, and ATC of CANN 7 needs numpy below 2")
    if wrong:
        yield Finding(
            "ATC", WARNING, f"{facts.atc} finds {'; '.join(wrong)}", "convert elsewhere, or with a Python that suits it"
        )
    else:
        yield Finding("ATC", OK, facts.atc)


def _python(facts: Facts) -> Finding:
    if not facts.python:
        return Finding("Python", FAULT, f"it does not start: {facts.python_fault}", "name another one with --python")
    version = ".".join(map(str, facts.python))
    if facts.python < PYTHON_AT_LEAST:
        return Finding(
            "Python",
            FAULT,
            f"{version}, {facts.python_path}; expected 3.9 or newer",
            "install Python 3.9 there and name it with --python, such as --python /usr/local/python3.9.2/bin/python3",
        )
    numpy = "numpy imports" if not facts.modules["numpy"] else "no numpy, so the laptop scores"
    chosen = f" (python3 itself cannot run models; on the board: AYS_PYTHON={facts.program})" if facts.program else ""
    return Finding("Python", OK, f"{version}, {facts.python_path}; {numpy}{chosen}")


def _disk(facts: Facts) -> Finding:
    free = f"{facts.disk_free / 2**20:.0f} MB free in {facts.disk_path}"
    if facts.disk_free < ROOM:
        return Finding("disk", FAULT, free, f"make room, {ROOM >> 20} MB at least, or name another folder with --dir")
    return Finding("disk", OK, free)


def _clock(facts: Facts, now: float | None) -> Finding:
    shown = time.strftime("%Y-%m-%d %H:%M", time.gmtime(min(max(facts.time, 0), LATEST))) + " UTC"
    remedy = "set it: sudo date -u -s 'YEAR-MONTH-DAY HOUR:MINUTE', or use a time server"
    if now is not None and abs(facts.time - now) > CLOCK_SECONDS:
        return Finding("clock", WARNING, f"{shown}, {abs(facts.time - now):.0f} s away from this machine's", remedy)
    if facts.time < EARLIEST:
        return Finding("clock", WARNING, f"{shown}, never set", remedy)
    return Finding("clock", OK, shown)
