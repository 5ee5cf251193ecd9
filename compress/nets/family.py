"""Every family of detectors by name: which architecture `--cfg` means, and which class builds it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ultralytics

from compress.nets import yolov5
from compress.nets import yolov8 as anchor_free
from compress.nets.detector import Detector
from compress.nets.focus import without_focus
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree
from compress.yaml_file import read_yaml
from deploy.errors import DataError, ModelError, UsageError
from deploy.wording import nearest

_STOCK = Path(ultralytics.__file__).parent / "cfg" / "models"
_FOLDERS = {"yolov5": "v5", "yolov8": "v8", "yolo11": "11"}
_STOCK_NAME = re.compile(r"(yolov5|yolov8|yolo11)([nsmlx])(6?)(u?)((?:-[a-z0-9]+)*)")
_SCALES = "nsmlx"


def architecture(cfg: str, nc: int) -> dict[str, Any]:
    """The architecture that `--cfg` names, for `nc` classes.

    `cfg` is the path of a YAML file, or a name with or without `.yaml`: `yolov5n` .. `yolov5x` (with anchors),
    `yolov8n` .. `yolov8x`, `yolo11n` .. `yolo11x`, `yolov5nu` .. `yolov5xu` (anchor-free), and what else ultralytics
    describes of these (`yolov8n-p2`, `yolov8n-p6`, `yolov8n-ghost`, ...).
    Raises UsageError for an unknown name and ModelError for a file that is no such YAML.
    """
    if Path(cfg).is_file():
        described = _read(Path(cfg))
        if has_anchors(described):
            described = without_focus(described)
        check_architecture(described, str(cfg))
        return {**described, "nc": nc}
    stem = Path(cfg).name.removesuffix(".yaml")
    if re.fullmatch(f"yolov5[{_SCALES}]", stem):
        return yolov5.template(stem[-1], nc)
    stock = _STOCK_NAME.fullmatch(stem)
    if stock:
        base, scale, six, _, tail = stock.groups()
        file = _STOCK / _FOLDERS[base] / f"{base}{'-p6' if six else ''}{tail}.yaml"
        if file.is_file():
            described = {**_read(file), "scale": scale}
            check_architecture(described, stem)
            return anchor_free.kept_keys({**described, "nc": nc})
    known = [f"{base}{scale}" for base in _FOLDERS for scale in _SCALES] + [f"yolov5{scale}u" for scale in _SCALES]
    raise UsageError(
        f"--cfg {cfg}: neither a file nor one of yolov5n..x, yolov8n..x, yolo11n..x, yolov5nu..xu{nearest(stem, known)}"
    )


def _read(path: Path) -> Any:
    try:
        described = read_yaml(path, "architecture")
    except DataError as error:
        raise ModelError(str(error)) from None
    if isinstance(described, dict) and isinstance(described.get("scales"), dict) and "scale" not in described:
        # as ultralytics does it: the letter in the file's name, or else the first scale
        named = re.search(rf"yolov?\d+([{_SCALES}])", path.stem)
        first = next(iter(described["scales"]), None)
        described["scale"] = named.group(1) if named and named.group(1) in described["scales"] else first
    return described


def has_anchors(described: Any) -> bool:
    """Whether an architecture is one of YOLOv5's own, with anchors."""
    return isinstance(described, dict) and "anchors" in described


def check_architecture(described: Any, source: str, family: str | None = None) -> None:
    """Raise ModelError unless `described` is an architecture that `family` builds (some family where none is named)."""
    (yolov5 if has_anchors(described) or family == Yolov5.family else anchor_free).check_architecture(described, source)


def build(arch: dict[str, Any], names: list[str], imgsz: int = 640) -> Detector:
    """A detector with fresh weights. Raises ModelError for an architecture whose layers do not fit together."""
    return Yolov5(arch, names, imgsz) if has_anchors(arch) else AnchorFree(arch, names, imgsz)
