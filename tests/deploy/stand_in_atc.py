"""Writes what tests/deploy/stand_in_acl.py takes for an OM: an ONNX file rounded to float16 and its AIPP file."""

import json
from pathlib import Path
from typing import Any

import onnxruntime

from deploy.aipp.read import read_aipp
from deploy.host.model.half import rounded_to_half

MAGIC = b"STAND-IN-OM\0"
_FORMATS = {"YUV420SP_U8": 1, "XRGB8888_U8": 2, "RGB888_U8": 3, "YUV400_U8": 4}
_TYPES = {"tensor(float)": 0, "tensor(float16)": 1, "tensor(uint8)": 4, "tensor(int64)": 9, "tensor(int32)": 3}


def convert(
    onnx_file: Path,
    om_file: Path,
    aipp_file: Path | None = None,
    soc: str = "Ascend310B4",
    cann: tuple[int, int] = (7, 0),
    half_outputs: bool = False,
    sleep_ms: float = 0,
    aipp_type: int = 1,
) -> Path:
    content = rounded_to_half(onnx_file.read_bytes())
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), session.get_outputs()
    listed = [_tensor(entry) for entry in inputs]
    if aipp_file is not None:
        listed[0] = _image(inputs[0], read_aipp(aipp_file), aipp_type)
    header: dict[str, Any] = {
        "soc": soc,
        "cann": list(cann),
        "inputs": listed,
        "outputs": [
            {**_tensor(entry), **({"dtype": 1} if half_outputs else {}), "name": f"node{number}:0"}
            for number, entry in enumerate(outputs)
        ],
        "sleep_us": int(1000 * sleep_ms),
    }
    return write(om_file, header, content)


def write(om_file: Path, header: dict[str, Any], content: bytes = b"") -> Path:
    """Without ONNX, each output is filled with the header's `fill`, or with the sum of the first input's values modulo
    251, whatever AIPP is."""
    text = json.dumps(header).encode()
    length = len(MAGIC) + 16 + len(text) + len(content)
    om_file.write_bytes(MAGIC + length.to_bytes(8, "little") + len(text).to_bytes(8, "little") + text + content)
    return om_file


def opened(om_file: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the content of such a file."""
    content, start = om_file.read_bytes(), len(MAGIC) + 16
    length = int.from_bytes(content[len(MAGIC) + 8 : start], "little")
    return json.loads(content[start : start + length]), content[start + length :]


def tensor(name: str, dims: list[int], dtype: int = 0) -> dict[str, Any]:
    return {"name": name, "dims": dims, "dims_v2": dims, "dtype": dtype, "format": 0}


def _tensor(entry: Any) -> dict[str, Any]:
    dims = [side if isinstance(side, int) else -1 for side in entry.shape]
    return tensor(entry.name, dims, _TYPES[entry.type])


def _image(entry: Any, values: dict[str, Any], aipp_type: int) -> dict[str, Any]:
    batch, channels, net_height, net_width = entry.shape
    width, height = (int(values[f"src_image_size_{side}"]) for side in "wh")
    width, height = width or net_width, height or net_height
    kind = str(values["input_format"])
    depth = {"RGB888_U8": 3, "XRGB8888_U8": 4, "YUV400_U8": 1, "YUV420SP_U8": 3}[kind]
    buffer = [batch, height * 3 // 2, width, 1] if kind == "YUV420SP_U8" else [batch, height, width, depth]
    on = {key: values[key] == "true" for key in ("crop", "padding", "csc_switch", "rbuv_swap_switch")}
    info: dict[str, Any] = {
        "inputFormat": _FORMATS[kind],
        "srcImageSizeW": width,
        "srcImageSizeH": height,
        "cropSwitch": int(on["crop"]),
        "loadStartPosW": int(values["load_start_pos_w"]) if on["crop"] else 0,
        "loadStartPosH": int(values["load_start_pos_h"]) if on["crop"] else 0,
        "cropSizeW": (int(values["crop_size_w"]) or net_width) if on["crop"] else 0,
        "cropSizeH": (int(values["crop_size_h"]) or net_height) if on["crop"] else 0,
        "paddingSwitch": int(on["padding"]),
        "cscSwitch": int(on["csc_switch"]),
        "rbuvSwapSwitch": int(on["rbuv_swap_switch"]),
        "axSwapSwitch": int(values["ax_swap_switch"] == "true"),
        "singleLineMode": 0,
        "resizeSwitch": 0,
        "srcFormat": 0,
        "srcDatatype": 0,
        "srcDimNum": 4,
        "shapeCount": 1,
        "outDims": [{"srcDims": {"dims": list(entry.shape), "dimCount": 4, "name": entry.name}}],
    }
    for side in ("left", "right", "top", "bottom"):
        info[f"{side}PaddingSize"] = int(values[f"{side}_padding_size"]) if on["padding"] else 0
    for row in range(3):
        for column in range(3):
            info[f"matrixR{row}C{column}"] = int(values[f"matrix_r{row}c{column}"]) if on["csc_switch"] else 0
        info[f"inputBias{row}"] = int(values[f"input_bias_{row}"]) if on["csc_switch"] else 0
        info[f"outputBias{row}"] = int(values[f"output_bias_{row}"]) if on["csc_switch"] else 0
    for channel in range(4):
        info[f"meanChn{channel}"] = int(values[f"mean_chn_{channel}"])
        info[f"minChn{channel}"] = float(values[f"min_chn_{channel}"])
        info[f"varReciChn{channel}"] = float(values[f"var_reci_chn_{channel}"])
    return {
        "name": entry.name,
        "dims": [batch, height, width, depth],
        "dims_v2": buffer,
        "dtype": 4,
        "format": 1,
        "aipp": info,
        "aipp_type": aipp_type,
        "net": [channels, net_height, net_width],
    }
