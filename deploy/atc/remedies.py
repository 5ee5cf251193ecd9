"""What to do about ATC's error codes (CANN's error registry, and the older codes of CANN 5 and 6)."""

from __future__ import annotations

import re

_CODE = re.compile(r"\b(E[0-9A-Z][0-9]{4})\b")
_OPERATOR = (
    "this CANN cannot convert an operator of the model: it is too new for it or not a standard one; see what "
    "`bash run.sh compress lint` says, and export with opset 11"
)
_COMPILER = (
    "an operator could not be compiled for the chip, most often because of the Python that ATC uses: it wants 3.7 to "
    "3.10 with numpy below 2, decorator, attrs, sympy and scipy; the plog files name the operator"
)
_SHAPE = "the shape in --input_shape is not what the model takes; build a bundle that `compress export` wrote unchanged"
_DYNAMIC = (
    "options for dynamic shapes do not fit together or do not fit this model; a bundle is built with fixed shapes"
)
_REMEDIES = {
    "E10001": "a value does not fit its option; most often --soc names a chip that this CANN does not know "
    "(`npu-smi info` on the board shows the name; append it to 'Ascend')",
    "E10002": _SHAPE,
    "E10003": "a value is not among those that its option takes; compare the command with `atc --help` of this CANN",
    "E10005": "an option wants true or false",
    "E10006": "an option wants 0 or 1",
    "E10007": "an option that this CANN requires is missing; compare the command with `atc --help`",
    "E10009": _DYNAMIC,
    "E10011": _SHAPE,
    "E10012": _DYNAMIC,
    "E10014": "a file is not what its option wants; build again from a fresh bundle",
    "E10016": "a name in --input_shape or --out_nodes is not in the model; export the bundle again rather than edit it",
    "E10017": "a name in --out_nodes is not in the model in the way ATC wants it; export the bundle again",
    "E10018": _DYNAMIC,
    "E10019": _DYNAMIC,
    "E10021": "a path is too long; move the bundle to a shorter one",
    "E10022": "a file or folder cannot be used; check the bundle's path and its permissions",
    "E10031": _DYNAMIC,
    "E10034": "the input goes through AIPP and cannot be half precision as well",
    "E10035": _DYNAMIC,
    "E10036": _DYNAMIC,
    "E10037": _DYNAMIC,
    "E10038": _DYNAMIC,
    "E10039": _DYNAMIC,
    "E10040": _DYNAMIC,
    "E10041": "the model file cannot be read; check that it is complete and that there is memory left",
    "E10045": _DYNAMIC,
    "E10046": _DYNAMIC,
    "E10047": "two options exclude each other; compare the command with `atc --help` of this CANN",
    "E10048": _SHAPE,
    "E10049": _SHAPE,
    "E10052": "aipp.cfg does not fit the model; rewrite it with --source",
    "E10054": "an option has an empty value; export the bundle again",
    "E10410": "a file of the command does not exist; export the bundle again",
    "E10501": _OPERATOR,
    "E11017": "a node in --out_nodes is not in the model; export the bundle again rather than edit it",
    "E16001": "the model has no node; export it again",
    "E16002": _OPERATOR,
    "E16004": "the model has no graph; export it again",
    "E16005": _OPERATOR,
    "E19010": _OPERATOR,
    "E19999": "an error inside ATC; the lines above it in the log and the plog files say more",
    "E40021": _COMPILER,
    "EB0000": _COMPILER,
    "EZ9999": _COMPILER,
}
_PLOG = "read the plog files in $HOME/ascend/log/debug/plog, or set ASCEND_SLOG_PRINT_TO_STDOUT=1 and build again"


def explained(output: str) -> str:
    """ATC's line with an error code such as E10016, else its last words; then what to do about it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        match = _CODE.search(line)
        if match:
            return f"{line.rstrip('.')}. What to do: {_REMEDIES.get(match.group(1), _PLOG)}"
    last = next((line for line in reversed(lines) if "ATC run failed" not in line), "it says nothing")
    return f"{last.rstrip('.')}. What to do: {_PLOG}"
