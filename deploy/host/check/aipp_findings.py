"""What is wrong with an AIPP file: what ATC refuses, and what makes a network see other colours than in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deploy.aipp.formats import YUV420SP
from deploy.aipp.limits import RESERVED, Values, violations
from deploy.aipp.matrices import BT601_FULL, FULL_RANGE_BIAS, Matrix, to_bgr
from deploy.aipp.read import parse_aipp
from deploy.host.check.faults import as_finding
from deploy.host.pipeline.findings import ERROR, NOTE, WARNING, Finding
from deploy.sdk_codes import INVALID_PARAM, UNREALIZED, SdkFault

_MATRIX = [f"matrix_r{row}c{column}" for row in range(3) for column in range(3)]
_BIAS = [f"input_bias_{i}" for i in range(3)]


def aipp_findings(text: str | bytes, name: str) -> tuple[Values | None, list[Finding]]:
    """The file's values, None where ATC could not read it; and all findings."""
    lines: dict[str, int] = {}
    try:
        values = parse_aipp(text, name, lines)
    except SdkFault as fault:
        finding = as_finding(fault, name)
        if fault.code == UNREALIZED:  # right for ATC
            finding = finding._replace(severity=NOTE)
        return None, [finding]
    findings = [
        Finding(lines.get(key, 0), ERROR, sentence, INVALID_PARAM) for key, sentence in violations(values, lines)
    ]
    findings += _reserved(values, lines)
    if values["aipp_mode"] == "static":
        findings += [*_row_length(values, lines), *_colours(values, lines), *_scale(values, lines)]
    return values, findings


def _reserved(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    for key in RESERVED:
        if values[key] != "false":
            yield Finding(lines[key], WARNING, f"{key} is reserved and does nothing on Ascend 310")


def _row_length(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    width = float(values["src_image_size_w"])
    if values["input_format"] == YUV420SP and width % 16:
        yield Finding(
            lines["src_image_size_w"],
            WARNING,
            f"src_image_size_w is {width:g}; VPC's rows are a multiple of 16 px long, so no image of it has that width",
        )


def _colours(values: Values, lines: Mapping[str, int]) -> Iterator[Finding]:
    if values["csc_switch"] != "true":
        if values["input_format"] == YUV420SP:
            line = lines.get("csc_switch", 0)
            yield Finding(line, WARNING, "csc_switch is off, so the network gets Y, U and V in place of R, G and B")
        return
    if values["input_format"] != YUV420SP:
        return
    line = lines["csc_switch"]
    if not any(key in lines for key in _MATRIX):
        yield Finding(
            line,
            WARNING,
            "csc_switch is on without a matrix: ATC's own turns BT.601 video into BGR, which is right for a network "
            "that wants that; of JPEG images it shifts and swaps the colours",
        )
        return
    matrix = tuple(int(values[key]) for key in _MATRIX)
    bias = tuple(int(values[key]) for key in _BIAS)
    first = min(lines[key] for key in _MATRIX if key in lines)
    if matrix not in (_flat(BT601_FULL), _flat(to_bgr(BT601_FULL))):
        yield Finding(
            first, WARNING, "the matrix is not that of JPEG images (full range), so their colours come out shifted"
        )
    elif bias != FULL_RANGE_BIAS:
        line = min((lines[key] for key in _BIAS if key in lines), default=line)
        expected = ", ".join(map(str, FULL_RANGE_BIAS))
        sentence = f"input_bias is {', '.join(map(str, bias))}; with the matrix of JPEG images it is {expected}"
        yield Finding(line, ERROR, sentence)
    elif matrix == _flat(to_bgr(BT601_FULL)):
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


def _flat(matrix: Matrix) -> tuple[int, ...]:
    return tuple(number for row in matrix for number in row)
