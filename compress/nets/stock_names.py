"""The families that ultralytics describes, one row each: where their YAML files lie, and by what a model is known.

The next family is a row here, where its layers and head are known already (docs/families.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ultralytics

_MODELS = Path(ultralytics.__file__).parent / "cfg" / "models"
_NAME = re.compile(r"(yolov?\d+)([a-tv-z]?)(6?)(u?)((?:-[a-z0-9]+?)*?)(u?)")  # yolov5n6u, yolov3-tinyu
TASKS = {
    "cls": "classification",
    "seg": "instance segmentation",
    "pose": "pose estimation",
    "obb": "oriented boxes",
    "sem": "semantic segmentation",
    "depth": "depth estimation",
    "world": "open vocabularies",
    "worldv2": "open vocabularies",
    "rtdetr": "a transformer's decoder",
}
"""Tails of names that ultralytics gives to models of other tasks."""


@dataclass(frozen=True)
class Family:
    """A family without anchors. `folder` is that of its YAMLs; a model that has one of `blocks` is of this family.

    `also_u` says that its names end in "u", which tells them from those with anchors.
    """

    name: str
    folder: str
    blocks: frozenset[str]
    also_u: bool = False


FAMILIES = (
    Family("yolo26", "26", frozenset({"Detect end2end"})),
    Family("yolo12", "12", frozenset({"A2C2f"})),
    Family("yolov10", "v10", frozenset({"v10Detect"})),
    Family("yolo11", "11", frozenset({"C3k2"})),
    Family("yolov9", "v9", frozenset({"RepNCSPELAN4"})),
    Family("yolov8", "v8", frozenset({"C2f", "C3Ghost"})),
    Family("yolov6", "v6", frozenset({"nn.ConvTranspose2d"})),
    Family("yolov5u", "v5", frozenset({"C3"}), also_u=True),
    Family("yolov3", "v3", frozenset({"Bottleneck", "nn.ZeroPad2d"})),
)
"""In the order in which they are recognised: the first one whose block a model has."""

CUSTOM = "custom"
"""What a model of none of these families is called."""


def family_of(arch: Mapping[str, Any]) -> str:
    """The family of an architecture in ultralytics' form, by its blocks."""
    kinds = {row[2] for row in (*arch["backbone"], *arch["head"])}
    if arch.get("end2end"):
        kinds.add("Detect end2end")
    return next((family.name for family in FAMILIES if family.blocks & kinds), CUSTOM)


def stock_yaml(stem: str) -> tuple[Path, str] | None:
    """The YAML file of a model's name ("yolo26n", "yolov8n-p2", "yolov9t", "yolov3-tiny") and its scale ("" for none).

    None for a name that ultralytics does not describe, or that YOLOv5 with anchors has.
    """
    told = _NAME.fullmatch(stem)
    if not told:
        return None
    base, size, six, inner, tail, last = told.groups()
    anchor_free = inner or last
    family = next((f for f in FAMILIES if f.name.removesuffix("u") == base), None)
    if family is None or (anchor_free and base not in ("yolov3", "yolov5")):
        return None
    if family.also_u and not (anchor_free or six or tail):
        return None
    folder, tail = _MODELS / family.folder, f"{'-p6' if six else ''}{tail}"
    of_size, of_all = folder / f"{base}{size}{tail}.yaml", folder / f"{base}{tail}.yaml"
    if of_size.is_file() and (size or not _has_scales(of_size)):
        return of_size, size if _has_scales(of_size) else ""
    return (of_all, size) if size and of_all.is_file() and _has_scales(of_all) else None


def task_of(stem: str) -> str:
    """The other task that a name of ultralytics speaks of ("instance segmentation"), or ""."""
    return next((TASKS[part] for part in stem.split("-")[1:] if part in TASKS), "") if _NAME.fullmatch(stem) else ""


def stock_names() -> list[str]:
    """The names of the plain models of every family, for a hint."""
    found = []
    for family in FAMILIES:
        for path in sorted((_MODELS / family.folder).glob(f"{family.name.removesuffix('u')}*.yaml")):
            if not task_of(path.stem):
                base, dash, tail = path.stem.partition("-")
                sizes = re.findall(r"^  ([a-z]): \[", path.read_text(encoding="utf-8"), re.MULTILINE)
                u = "u" if family.also_u else ""
                own = re.fullmatch(r"yolov?\d+[a-z]", base) or not sizes
                found += [path.stem] if own else [f"{base}{size}{u}{dash}{tail}" for size in sizes]
    return found


def _has_scales(path: Path) -> bool:
    return re.search(r"^scales:", path.read_text(encoding="utf-8"), re.MULTILINE) is not None
