"""The facts about a board, taken from an answer that is not trusted: each of its type and of bounded size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deploy.board.text import cleaned

LONGEST_TABLE = 8000
_MODULES = ("StreamManagerApi", "numpy", "cv2", "acl")


@dataclass(frozen=True)
class Chip:
    """A row of `npu-smi info`: the chip's name such as "310" or "310B4", its health such as "OK"."""

    name: str
    health: str


@dataclass(frozen=True)
class Package:
    """A toolkit or an SDK: the path of its set_env.sh, its version, "" where no file tells it, and the versions that
    are installed in folders beside that file."""

    set_env: str
    version: str
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """`time` is the board's clock in seconds since 1970; `disk_free` bytes in `disk_path`.

    `python` is the version of the interpreter that runs the detector, () where it did not start and `python_fault`
    says why; `env` are the files that are sourced before it, `told` whether the user named them.
    `modules` has what its import of StreamManagerApi, numpy, cv2 and acl failed with, "" where it did not.
    `soc` is the chip's name as acl says it, such as "Ascend310B4"; `model` what the device tree calls the board;
    `venv` whether that interpreter is one of a virtual environment; `atc` the path of ATC, "" without. `program` is
    that interpreter's name where it is another than the usual python3, "" where it is not.
    """

    user: str
    machine: str
    time: float
    chips: tuple[Chip, ...]
    npu_smi: str
    npu_smi_words: str
    devices: dict[str, bool]
    driver: str
    toolkits: tuple[Package, ...]
    sdks: tuple[Package, ...]
    env: tuple[str, ...]
    told: bool
    missing_env: tuple[str, ...]
    python: tuple[int, ...]
    python_path: str
    python_fault: str
    modules: dict[str, str]
    sdk_home: str
    disk_path: str
    disk_free: float
    soc: str = ""
    model: str = ""
    venv: bool = False
    atc: str = ""
    numpy_version: str = ""
    program: str = ""

    @property
    def chip_names(self) -> tuple[str, ...]:
        """The chips as ATC calls them without "Ascend": what acl says, which is the chip's own word, else npu-smi's."""
        if self.soc.startswith("Ascend") and self.soc != "Ascend":
            return (self.soc[len("Ascend") :],)
        return tuple(sorted({chip.name for chip in self.chips}))

    @property
    def on(self) -> str:
        """What runs the model there: "board", the MindX SDK; "acl", CANN alone; "" where neither imports."""
        if not self.modules["StreamManagerApi"]:
            return "board"
        return "acl" if not self.modules["acl"] and self.soc else ""

    @property
    def sdk_version(self) -> str:
        """The version of the SDK that is used, as far as it is known."""
        for kit in self.sdks:
            if self.sdk_home and kit.set_env.startswith(self.sdk_home.rstrip("/") + "/"):
                return kit.version
        return self.sdks[0].version if self.sdks else ""

    @classmethod
    def from_answer(cls, answer: Any) -> Facts:
        """Values that are missing or of another type become empty; nothing is raised."""
        facts = _object(answer)
        smi, run, disk = _object(facts.get("npu_smi")), _object(facts.get("run")), _object(facts.get("disk"))
        text = smi.get("text")
        table = text[:LONGEST_TABLE] if isinstance(text, str) else ""
        return cls(
            user=cleaned(facts.get("user"), 60),
            machine=cleaned(facts.get("machine"), 60),
            time=_number(facts.get("time")),
            chips=chips_of(table),
            npu_smi=cleaned(smi.get("program")),
            npu_smi_words=cleaned(table),
            devices={cleaned(name, 60): bool(usable) for name, usable in _pairs(facts.get("devices"))},
            driver=cleaned(facts.get("driver"), 60),
            toolkits=_packages(facts.get("toolkits")),
            sdks=_packages(facts.get("sdks")),
            env=_texts(facts.get("env")),
            told=facts.get("told") is True,
            missing_env=_texts(facts.get("missing_env")),
            python=tuple(part for part in _list(run.get("version")) if type(part) is int and 0 <= part < 1000)[:3],
            python_path=cleaned(run.get("executable")),
            python_fault=cleaned(run.get("fault")),
            modules={name: cleaned(run.get(name, "not asked")) for name in _MODULES},
            sdk_home=cleaned(run.get("home")),
            disk_path=cleaned(disk.get("path")),
            disk_free=_number(disk.get("free")),
            soc=cleaned(run.get("soc"), 40),
            model=cleaned(facts.get("model"), 60),
            venv=run.get("venv") is True,
            atc=cleaned(run.get("atc")),
            numpy_version=cleaned(run.get("numpy_version"), 20),
            program="".join(_texts([run.get("program")])),
        )


def chips_of(table: str) -> tuple[Chip, ...]:
    """The chips in the text of `npu-smi info`: rows `| 0  310B4 | OK | ...`, each followed by one about its device."""
    rows = re.findall(r"^\|\s*\d+\s+(?:Ascend\s*)?(\d{3}\w*)\s*\|\s*(\w+)\s*\|", table, re.MULTILINE | re.ASCII)
    return tuple(Chip(cleaned(name, 20), cleaned(health, 20)) for name, health in rows[:64])


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:64] if isinstance(value, list) else []


def _number(value: Any) -> float:
    # Compared before it is converted: an integer may have more digits than a float can hold.
    return float(value) if type(value) in (int, float) and abs(value) < 1e18 else 0.0


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(entry for entry in _list(value) if isinstance(entry, str) and entry == cleaned(entry, 4096))


def _pairs(value: Any) -> list[Any]:
    return [entry for entry in _list(value) if isinstance(entry, list) and len(entry) == 2]


def _packages(value: Any) -> tuple[Package, ...]:
    entries = [_object(entry) for entry in _list(value)]
    return tuple(
        Package(cleaned(entry.get("set_env"), 4096), cleaned(entry.get("version"), 60), _texts(entry.get("beside")))
        for entry in entries
    )
