"""What is wrong with an AIPP file: what ATC refuses, and what makes a network see other colours than in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deploy.aipp.read import DEFAULTS, parse_aipp
from deploy.aipp.rule import CHANNELS, RANGES
from deploy.host.check.faults import as_finding
from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault

Values = Mapping[str, "str | float"]
_MATRIX = [f"matrix_r{row}c{column}" for row in range(3) for column in range(3)]
_BIAS = [f"input_bias_{i}" for i in range(3)]
# Each row for R, G, B over Y, U, V; full range as a JPEG has it, and the ranges of video.
_FULL_RANGE = {
    (256, 0, 359, 256, -88, -183, 256, 454, 0): "RGB",
    (256, 454, 0, 256, -88, -183, 256, 0, 359): "BGR",
}


def aipp_findings(text: str, name: str) -> tuple[Values | None, list[Finding]]:
    """The file's values, None where ATC could not read it; and all findings."""
    lines: dict[str, int] = {}
    try:
        values = parse_aipp(text, name, lines)
    except SdkFault as fault:
        finding = as_finding(fault, name)
        if fault.code == UNREALIZED:  # right for ATC
            finding = finding._replace(severity=NOTE)
        return None, [finding]
    findings = [*_refused(values, lines)]
    if values["aipp_mode"] == "static":
        findings += [*_geometry(values, lines), *_colours(values, lines), *_scale(values, lines)]
    return values, findings


def _refused(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    mode = values["aipp_mode"]
    if mode not in ("static", "dynamic"):
        found = f"is {mode}" if mode else "is missing"
        yield _error(lines.get("aipp_mode", 0), f"aipp_mode {found}; ATC wants static or dynamic")
    form = values["input_format"]
    if mode == "static" and form not in CHANNELS:
        found = f"is {form}" if form else "is missing"
        yield _error(lines.get("input_format", 0), f"input_format {found}; ATC knows {', '.join(CHANNELS)}")
    if mode == "dynamic" and not values["max_src_image_size"]:
        yield _error(lines.get("max_src_image_size", 0), "max_src_image_size is missing, which a dynamic AIPP needs")
    if "related_input_rank" in lines and "related_input_name" in lines:
        yield _error(lines["related_input_name"], "related_input_name and related_input_rank exclude each other")
    for key, (low, high) in RANGES.items():
        if not low <= float(values[key]) <= high:
            yield _error(lines[key], f"{key} is {values[key]:g}; it is a number from {low} to {high}")
    for key in ("resize", "single_line_mode"):
        if values[key] != DEFAULTS[key]:
            yield Finding(lines[key], WARNING, f"{key} is reserved and does nothing on Ascend 310")


def _geometry(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    yuv = values["input_format"] == "YUV420SP_U8"
    for key in ("src_image_size_w", "src_image_size_h", "load_start_pos_w", "load_start_pos_h"):
        if yuv and float(values[key]) % 2:
            yield _error(lines[key], f"{key} is {values[key]:g}; for YUV420SP_U8 it is even")
    for switch in ("crop", "padding"):
        if values[switch] == "true" and not (values["src_image_size_w"] and values["src_image_size_h"]):
            yield _error(lines[switch], f"{switch} needs src_image_size_w and src_image_size_h")
    width, height = float(values["src_image_size_w"]), float(values["src_image_size_h"])
    if yuv and width % 16:
        yield Finding(
            lines["src_image_size_w"],
            ERROR,
            f"src_image_size_w is {width:g}; VPC's rows are a multiple of 16 px long, so no image has that width",
        )
    if bool(width) != bool(height):
        key = "src_image_size_w" if width else "src_image_size_h"
        yield _error(lines[key], "src_image_size_w and src_image_size_h are set together or not at all")


def _colours(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    if values["csc_switch"] != "true":
        if values["input_format"] == "YUV420SP_U8":
            line = lines.get("csc_switch", 0)
            yield Finding(line, WARNING, "csc_switch is off, so the network gets Y, U and V in place of R, G and B")
        return
    if values["input_format"] != "YUV420SP_U8":
        return
    line = lines["csc_switch"]
    if not any(key in lines for key in _MATRIX):
        yield Finding(
            line,
            ERROR,
            "csc_switch is on without a matrix: ATC's own is that of BT.601 video to BGR, not of JPEG images to RGB",
        )
        return
    matrix = tuple(int(values[key]) for key in _MATRIX)
    bias = tuple(int(values[key]) for key in _BIAS)
    first = min(lines[key] for key in _MATRIX if key in lines)
    if matrix not in _FULL_RANGE:
        yield Finding(
            first, WARNING, "the matrix is not that of JPEG images (full range), so their colours come out shifted"
        )
    elif bias != (0, 128, 128):
        line = min((lines[key] for key in _BIAS if key in lines), default=line)
        sentence = f"input_bias is {', '.join(map(str, bias))}; with the matrix of JPEG images it is 0, 128, 128"
        yield Finding(line, ERROR, sentence)
    elif _FULL_RANGE[matrix] == "BGR":
        yield Finding(first, NOTE, "the network gets BGR; networks trained with this project want RGB")


def _scale(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    scales = [float(values[f"var_reci_chn_{i}"]) for i in range(3)]
    if all(scale == 1 for scale in scales):
        yield Finding(
            min((lines[f"var_reci_chn_{i}"] for i in range(3) if f"var_reci_chn_{i}" in lines), default=0),
            WARNING,
            "var_reci_chn is 1, so the network gets 0 to 255; a network that wants 0 to 1 needs 0.00392157",
        )
    elif len(set(scales)) > 1 and any(scale == 1 for scale in scales):
        yield Finding(0, ERROR, "var_reci_chn is set for some channels and is 1 for the others")


def _error(line: int, sentence: str) -> Finding:
    return Finding(line, ERROR, sentence, INVALID_PARAM)
