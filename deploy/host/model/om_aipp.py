"""Does the AIPP inside an OM say what the AIPP file beside it says? With an OM of another bundle, boxes are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from deploy.acl.metadata import StaticAipp
from deploy.aipp.read import read_aipp
from deploy.sdk_codes import SdkFault

_SWITCHES = {"cscSwitch": "csc_switch", "rbuvSwapSwitch": "rbuv_swap_switch", "cropSwitch": "crop"}
_SIZES = {"srcImageSizeW": "src_image_size_w", "srcImageSizeH": "src_image_size_h"}
_TOLERANCE = 1e-3  # a chip keeps the factors as float16


def differences(aipp: StaticAipp | None, file: Path) -> list[str]:
    """A sentence's part for each thing in which they differ. Empty too where there is no file, or one that is wrong
    (`check` says that)."""
    if not file.exists():
        return []
    try:
        values = read_aipp(file)
    except (SdkFault, OSError, ValueError):
        return []
    if aipp is None:
        return [f"the .om has no AIPP inside, {file.name} describes some"]
    return list(_between(aipp, values))


def _between(aipp: StaticAipp, values: dict[str, str | float]) -> Iterator[str]:
    info = aipp.info
    if aipp.input_format != values["input_format"]:
        yield f"input_format is {aipp.input_format} in the .om, {values['input_format']} in the file"
        return
    for key, name in _SIZES.items():
        if values[name] and info.get(key) != values[name]:
            yield f"{name} is {info.get(key)} in the .om, {values[name]:g} in the file"
    for key, name in _SWITCHES.items():
        if key in info and bool(info[key]) != (values[name] == "true"):
            yield f"{name} is {str(bool(info[key])).lower()} in the .om, {values[name]} in the file"
    numbers = {f"varReciChn{i}": f"var_reci_chn_{i}" for i in range(3)}
    numbers.update({f"meanChn{i}": f"mean_chn_{i}" for i in range(3)})
    if values["csc_switch"] == "true" and info.get("cscSwitch"):
        numbers.update({f"matrixR{r}C{c}": f"matrix_r{r}c{c}" for r in range(3) for c in range(3)})
        numbers.update({f"inputBias{i}": f"input_bias_{i}" for i in range(3)})
    for key, name in numbers.items():
        wanted = float(values[name])
        if key in info and abs(float(info[key]) - wanted) > _TOLERANCE * max(1e-3, abs(wanted)):
            yield f"{name} is {float(info[key]):g} in the .om, {wanted:g} in the file"
