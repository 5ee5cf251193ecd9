"""Every family of detectors by name: which architecture `--cfg` means, and which class builds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compress.nets import yolov5
from compress.nets import yolov8 as anchor_free
from compress.nets.detector import Detector
from compress.nets.end_to_end import EndToEnd, has_two_branches
from compress.nets.focus import without_focus
from compress.nets.slim_yaml import Factors, is_slim, plain_architecture
from compress.nets.stock_names import stock_names, stock_yaml, task_of
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree
from compress.yaml_file import read_yaml
from deploy.errors import DataError, ModelError, UsageError
from deploy.wording import nearest

_OWN = {f"yolov5{size}": ("yolov5", size) for size in "nsmlx"}
_OWN |= {f"yolov5{size}-convnext": ("yolov5-convnext", size) for size in "nsm"}
"""What `--cfg` calls the architectures with anchors, and the file and size that describe them."""


def architecture(cfg: str, nc: int) -> dict[str, Any]:
    """The architecture that `--cfg` names, for `nc` classes.

    `cfg` is the path of a YAML file, or a name with or without `.yaml`: `yolov5n` .. `yolov5x` and
    `yolov5n-convnext` .. `yolov5m-convnext` (with anchors), or what ultralytics calls a detector: `yolo26n`, `yolo12n`,
    `yolov9t`, `yolov8n-p2`, `yolov5nu` (anchor-free), ...
    Of a slim YAML it is the architecture at full width.
    Raises UsageError for an unknown name and ModelError for a file that is no such YAML.
    """
    if Path(cfg).is_file():
        described = _read(Path(cfg))
        if is_slim(described):
            described, _ = plain_architecture(described, str(cfg))
        if has_anchors(described):
            described = without_focus(described)
        check_architecture(described, str(cfg))
        return {**described, "nc": nc}
    stem = Path(cfg).name.removesuffix(".yaml")
    if stem in _OWN:
        name, size = _OWN[stem]
        return yolov5.template(size, nc, name)
    task = task_of(stem)
    if task:
        raise UsageError(f"--cfg {cfg}: a model for {task}, expected one that detects boxes")
    stock = stock_yaml(stem)
    if stock:
        file, scale = stock
        described = {**_read(file), "nc": nc}
        if scale:
            described["scale"] = scale
        check_architecture(described, stem)
        return anchor_free.kept_keys(described)
    known = [*_OWN, *stock_names()]
    raise UsageError(
        f"--cfg {cfg}: neither a file nor a detector that is known, such as yolo26n, yolov8n or yolov5n"
        f"{nearest(stem, known)}"
    )


def slim_factors(cfg: str) -> Factors:
    """The widths that `--cfg` asks for where it is a slim YAML (see slim_yaml.py); none for anything else."""
    described: Any = _read(Path(cfg)) if Path(cfg).is_file() else None
    return plain_architecture(described, str(cfg))[1] if is_slim(described) else {}


def _read(path: Path) -> Any:
    try:
        return anchor_free.with_scale(read_yaml(path, "architecture"), path.stem)
    except DataError as error:
        raise ModelError(str(error)) from None


def has_anchors(described: Any) -> bool:
    """Whether an architecture is one of YOLOv5's own, with anchors."""
    return isinstance(described, dict) and "anchors" in described


def check_architecture(described: Any, source: str, family: str | None = None) -> None:
    """Raise ModelError unless `described` is an architecture that `family` builds (some family where none is named)."""
    (yolov5 if has_anchors(described) or family == Yolov5.family else anchor_free).check_architecture(described, source)


def build(arch: dict[str, Any], names: list[str], imgsz: int = 640) -> Detector:
    """A detector with fresh weights. Raises ModelError for an architecture whose layers do not fit together."""
    if has_anchors(arch):
        return Yolov5(arch, names, imgsz)
    return (EndToEnd if has_two_branches(arch) else AnchorFree)(arch, names, imgsz)
