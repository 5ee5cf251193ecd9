"""Imports a `.pt` of ultralytics/yolov5 (v5.0, v6.x, v7.0) or of the ultralytics package (YOLOv3 to YOLO26):
their own or a user's `best.pt`, running none of its code.
"""

from __future__ import annotations

import re
import reprlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from compress.nets.detector import Detector
from compress.nets.family import build, check_architecture, has_anchors
from compress.nets.focus import focus_layers, without_focus, without_focus_tensors
from compress.nets.load_tensors import load_tensors
from compress.nets.pickled.inert_pickle import read_inert
from compress.nets.pickled.module_records import class_names, modules_of, plain, tensors_of, unwrapped
from compress.nets.pickled.record import Record
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import kept_keys, with_scale
from deploy.errors import ModelError

_NORM_EPS = 1e-3
_LARGEST_SIDE = 4096
_STATE_DICT = (
    "tensors without an architecture and class names; save the model itself, as torch.save({'model': model}, FILE)"
)
# ModelPruned and C3Pruned of yolov5prune and of yolov8-prune, SlimC3 of YOLOv5-Light, C2f_v2 of Torch-Pruning's example
_FORKS = re.compile(r"Prune|^Slim[A-Z0-9]|_v2$")


def import_pt(path: str | Path) -> Detector:
    """The detector in a `.pt`, fp32, in eval mode, with its own classes (and anchors, where it has some).

    The EMA weights are taken where the file has them, as ultralytics itself does. A file that is the model itself, and
    one whose model is wrapped in DataParallel, are read as well.
    Raises ModelError for anything but a checkpoint of a detector of these families.
    """
    path = Path(path)
    content = read_inert(path)
    try:
        record = _model_of(content)
        tensors, modules = tensors_of(record), modules_of(record)
        arch = plain(record.attributes.get("yaml"))
        _refuse_forks(record, modules)
        if arch is None:
            raise ModelError(f"holds a {record.class_name} without 'yaml', expected a detector with its architecture")
        if has_anchors(arch) or not record.kind.startswith("ultralytics."):
            model: Detector = _with_anchors(record, arch, tensors)
        else:
            model = _anchor_free(record, arch, tensors)
        _check_layers(model, modules)
    except ModelError as error:
        raise ModelError(f"{path}: {str(error).removeprefix(f'{path}: ').removeprefix('it: ')}") from None
    told = content if isinstance(content, dict) else {}
    model.imgsz = _trained_side(told, model.imgsz, max(model.stride))
    return model.eval()


def _model_of(content: Any) -> Record:
    """The model's record. Raises ModelError that says what the file holds in its place."""
    kept = {key: unwrapped(content.get(key)) for key in ("ema", "model")} if isinstance(content, dict) else {}
    found = [value for value in (*kept.values(), unwrapped(content)) if isinstance(value, Record)]
    if found:
        return found[0]
    wanted = "expected a checkpoint of YOLO with the key 'model' or 'ema'"
    if _is_state_dict(content):
        raise ModelError(f"holds no model: it is a state_dict, {_STATE_DICT}")
    if place := _state_dict_in(content):
        raise ModelError(f"holds no model: '{place}' is a state_dict, {_STATE_DICT}")
    raise ModelError(f"holds no model, {wanted}")


def _state_dict_in(content: Any, depth: int = 3) -> str:
    """The key under which a state_dict lies, `a.b` where it lies deeper; nothing where there is none."""
    for key, value in content.items() if isinstance(content, dict) and depth else ():
        if _is_state_dict(value):
            return str(key)[:80]
        if below := _state_dict_in(value, depth - 1):
            return f"{str(key)[:80]}.{below}"
    return ""


def _is_state_dict(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(entry, torch.Tensor) for entry in value.values())


def _refuse_forks(record: Record, modules: dict[str, Record]) -> None:
    kinds = dict.fromkeys(entry.class_name for entry in (record, *modules.values()))
    foreign = [kind for kind in kinds if _FORKS.search(kind)]
    if foreign:
        raise ModelError(
            f"was pruned by another program, into layers of its own ({', '.join(foreign[:4])}): prune the checkpoint "
            "from before that here, or export its ONNX there and align that with `compress pad`"
        )


def _with_anchors(record: Record, arch: Any, tensors: dict[str, torch.Tensor]) -> Yolov5:
    focus = focus_layers(arch) if isinstance(arch, dict) else []
    if focus:
        arch, tensors = without_focus(arch), without_focus_tensors(tensors, focus)
    if isinstance(arch, dict) and isinstance(arch.get("anchors"), int):
        arch = {**arch, "anchors": _anchor_rows(tensors)}
    check_architecture(arch, "it", Yolov5.family)
    head = f"model.{len(arch['backbone']) + len(arch['head']) - 1}"
    weight = tensors.get(f"{head}.m.0.weight", torch.empty(0))
    if weight.dim() != 4 or f"{head}.anchors" not in tensors:
        raise ModelError(f"its last layer is no anchor head of YOLOv5 ({record.kind})")
    classes = weight.shape[0] // (len(arch["anchors"][0]) // 2) - 5
    model = Yolov5({**arch, "nc": classes}, class_names(getattr(record, "names", None), classes))
    _load(model, tensors)
    model.arch["anchors"] = [[v for pair in row for v in pair] for row in model.anchors_px()]
    return model


def _anchor_rows(tensors: dict[str, torch.Tensor]) -> list[list[float]]:
    """The anchors of the head, for an architecture that has their number alone (`anchors: 3`): rows of w, h pairs.

    The unit is the stride, which only the model knows; the anchors in pixels follow from the same tensor.
    """
    for name, value in tensors.items():
        if name.endswith(".anchors") and value.dim() == 3 and value.shape[2] == 2:
            return value.float().flatten(1).tolist()
    raise ModelError("its architecture has the number of anchors alone, and no layer has them as a tensor")


def _anchor_free(record: Record, arch: Any, tensors: dict[str, torch.Tensor]) -> Detector:
    arch = with_scale(arch)
    check_architecture(arch, "it")
    head = f"model.{len(arch['backbone']) + len(arch['head']) - 1}"
    bias = tensors.get(f"{head}.cv3.0.2.bias", torch.empty(0))
    if bias.dim() != 1 or not len(bias):
        raise ModelError(f"its last layer is no anchor-free detection head ({record.kind})")
    names = class_names(getattr(record, "names", None), len(bias))
    model = build({**kept_keys(arch), "nc": len(bias)}, names)
    _load(model, tensors)
    return model


def _load(model: Detector, tensors: dict[str, torch.Tensor]) -> None:
    """Load what the model needs; channels may differ from the architecture's, where the model was pruned."""
    expected = model.state_dict()
    missing = next((key for key in expected if key not in tensors), None)
    if missing:
        fused = (
            missing.removesuffix("weight").endswith(".bn.") and f"{missing.partition('.bn.')[0]}.conv.bias" in tensors
        )
        raise ModelError(
            "the model is fused: its batch norms are merged into the convolutions and cannot be taken out again; give "
            "the unfused best.pt"
            if fused
            else f"has no tensor '{missing}'; is it a detector of this family?"
        )
    load_tensors(model, {key: _as_convolution(tensors[key], like) for key, like in expected.items()}, "it")
    side = 2 * max(model.stride)
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, side, side))
    except RuntimeError as error:
        raise ModelError(f"its layers do not fit together ({str(error).splitlines()[0]})") from None


def _as_convolution(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The weight of a linear layer, where ConvNeXt has a convolution of one pixel here."""
    return value[:, :, None, None] if value.dim() == 2 and like.shape[2:] == (1, 1) else value


def _check_layers(model: nn.Module, modules: dict[str, Record]) -> None:
    """What tensors and architecture do not say: activations and the batch norms' epsilon must be those we build."""
    for name, module in model.named_modules(remove_duplicate=False):
        found = modules.get(name)
        if found is None:
            continue
        if found.kind.startswith("torch.nn.modules.activation.") and found.class_name != type(module).__name__:
            raise ModelError(f"layer '{name}' is a {found.class_name}, its architecture has {type(module).__name__}")
        eps = found.attributes.get("eps", _NORM_EPS)
        if isinstance(module, nn.BatchNorm2d) and eps != _NORM_EPS:
            raise ModelError(f"batch norm '{name}' has the epsilon {reprlib.repr(eps)}, expected {_NORM_EPS}")


def _trained_side(content: dict[str, Any], default: int, coarsest: int) -> int:
    """The side of the input in pixels that the file says it was trained for, where it says so."""
    told = content.get("train_args", content.get("opt"))
    side = told.get("imgsz") if isinstance(told, dict) else None
    if isinstance(side, int) and coarsest <= side <= _LARGEST_SIDE and side % coarsest == 0:
        return side
    return default
