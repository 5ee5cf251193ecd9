"""What an OM says of itself: its inputs and outputs with their sizes, and the AIPP inside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from deploy.acl.codes import acl_fault
from deploy.aipp.formats import GREY, RGB, XRGB, YUV420SP
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault

TYPES = {
    0: ("float32", 4),
    1: ("float16", 2),
    2: ("int8", 1),
    3: ("int32", 4),
    4: ("uint8", 1),
    6: ("int16", 2),
    7: ("uint16", 2),
    8: ("uint32", 4),
    9: ("int64", 8),
    10: ("uint64", 8),
    11: ("float64", 8),
    12: ("bool", 1),
}
"""aclDataType: numpy's name and bytes an element."""
_NO_AIPP, _STATIC = 0, 1
_FORMATS = {1: YUV420SP, 2: XRGB, 3: RGB, 4: GREY}


class Tensor(NamedTuple):
    """An input or output: name, numpy's name of its element type, its sides as its buffer has them, bytes."""

    name: str
    dtype: str
    dims: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class StaticAipp:
    """The image that an input takes: its format as an AIPP file calls it, its size in pixels, and the whole answer."""

    input_format: str
    width: int
    height: int
    info: dict[str, Any]


@dataclass(frozen=True)
class Metadata:
    """`aipp` is that of the first input, None without; `channels` is how many the network itself takes there."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    aipp: StaticAipp | None
    channels: int = 3


def read_metadata(acl: Any, desc: int, model: int, path: str) -> Metadata:
    """Ask a loaded model. Raises SdkFault 1005 for dynamic shapes or AIPP, 1004 for sizes that contradict each other,
    AclFault where a question is not answered."""
    inputs, aipp, channels = [], None, 3
    for index in range(acl.mdl.get_num_inputs(desc)):
        kind, _, code = acl.mdl.get_aipp_type(model, index)
        _check(acl, code, "mdl.get_aipp_type", path)
        tensor = _tensor(acl, desc, index, path, "input", kind)
        inputs.append(tensor)
        if kind != _NO_AIPP:
            if kind != _STATIC:
                raise SdkFault(
                    UNREALIZED,
                    f"{path}: input {tensor.name} has dynamic AIPP; convert it with aipp_mode: static in its AIPP file",
                )
            if index:
                raise SdkFault(UNREALIZED, f"{path}: input {tensor.name}, not the first one, has AIPP")
            aipp, channels = _aipp(acl, model, index, tensor, path)
    outputs = [_tensor(acl, desc, index, path, "output") for index in range(acl.mdl.get_num_outputs(desc))]
    return Metadata(tuple(inputs), tuple(outputs), aipp, channels)


def _tensor(acl: Any, desc: int, index: int, path: str, way: str, aipp: int = _NO_AIPP) -> Tensor:
    mdl = acl.mdl
    name = getattr(mdl, f"get_{way}_name_by_index")(desc, index)
    asked = f"get_{way}_dims_v2" if aipp == _STATIC else f"get_{way}_dims"
    dims, code = getattr(mdl, asked)(desc, index)
    _check(acl, code, f"mdl.{asked}", path)
    number = getattr(mdl, f"get_{way}_data_type")(desc, index)
    if number not in TYPES:
        raise SdkFault(UNREALIZED, f"{path}: {way} {name} has the element type {number}; expected a tensor of numbers")
    kind, item = TYPES[number]
    sides = tuple(dims["dims"])
    if any(side < 0 for side in sides):
        shown = ", ".join("?" if side < 0 else str(side) for side in sides)
        raise SdkFault(
            UNREALIZED,
            f"{path}: {way} {name} is [{shown}]; convert it with a fixed --input_shape, as build.sh does",
        )
    size = getattr(mdl, f"get_{way}_size_by_index")(desc, index)
    wanted = math.prod(sides) * item
    if size != wanted:
        raise SdkFault(
            INVALID_PARAM, f"{path}: {way} {name} is {kind} {list(sides)}, {wanted} bytes, and says that it has {size}"
        )
    return Tensor(name, kind, sides, size)


def _aipp(acl: Any, model: int, index: int, tensor: Tensor, path: str) -> tuple[StaticAipp, int]:
    info, code = acl.mdl.get_first_aipp_info(model, index)
    _check(acl, code, "mdl.get_first_aipp_info", path)
    number = info.get("inputFormat")
    if number not in _FORMATS:
        raise SdkFault(
            UNREALIZED,
            f"{path}: the AIPP of input {tensor.name} takes format {number}; expected {', '.join(_FORMATS.values())}",
        )
    width, height = int(info["srcImageSizeW"]), int(info["srcImageSizeH"])
    bytes_of = {YUV420SP: width * height * 3 // 2, XRGB: width * height * 4, RGB: width * height * 3}
    wanted = bytes_of.get(_FORMATS[number], width * height) * max(tensor.dims[0], 1)
    if tensor.size != wanted:
        raise SdkFault(
            INVALID_PARAM,
            f"{path}: input {tensor.name} has {tensor.size} bytes; its AIPP takes {width} x {height} px of "
            f"{_FORMATS[number]}, {wanted} bytes",
        )
    return StaticAipp(_FORMATS[number], width, height, dict(info)), _channels(info)


def _channels(info: dict[str, Any]) -> int:
    """How many channels the network's own input has; outDims describes it as [n, c, h, w]."""
    described = info.get("outDims") or [{}]
    dims = list((described[0].get("srcDims") or {}).get("dims") or [])
    return int(dims[1]) if len(dims) == 4 and dims[1] in (1, 3, 4) else 3


def _check(acl: Any, code: int, call: str, path: str) -> None:
    if code:
        raise acl_fault(acl, call, code, f"the model {path} does not say what it takes")
