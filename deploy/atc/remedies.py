"""What to do about ATC's error codes (CANN's error registry, and the older codes of CANN 5 and 6)."""

from __future__ import annotations

import re

PLOG = "read the plog files in $HOME/ascend/log/debug/plog, or set ASCEND_SLOG_PRINT_TO_STDOUT=1 and build again"
LINT = "`bash run.sh compress lint`"
_OPERATOR = (
    "this CANN cannot convert an operator of the model: it is too new for it or not a standard one; see what "
    f"{LINT} says, and export with opset 11"
)
_KERNEL = (
    f"this CANN has no kernel of that operator for that chip: see what {LINT} says of it, cut it off with --fix where "
    "it lies behind the heads, and check that the kernels package (opp) of the chip named by --soc is installed"
)
_PYTHON = (
    "an operator could not be compiled for the chip because of the Python that ATC uses: it wants 3.7 to 3.10 with "
    "numpy below 2, decorator, attrs, sympy and scipy"
)
_COMPILER = (
    "an operator could not be compiled for the chip, often because of the Python that ATC uses: it wants 3.7 to 3.10 "
    "with numpy below 2, decorator, attrs, sympy and scipy; the plog files name the operator"
)
_NAMED = f"the line names the operator; see what {LINT} says of it, replace it or cut it off with --fix; {PLOG}"
_TYPES = (
    "an operator gets two number types; often one of them is TopK's indices, which ATC makes INT32 where ONNX has "
    f"INT64: cut the graph at its heads ({LINT} --fix), or simplify it with onnxsim"
)
_SUPPRESSION = f"cut the graph at its raw heads, before the suppression of boxes ({LINT} --fix), or export without NMS"
_MEMORY = "the machine has too little memory for ATC: close other programs, add swap, or build on a larger machine"
_INSTALLED = "this CANN is not whole or its environment is not set: source its set_env.sh, or install the toolkit again"
_SHAPE = "the shape in --input_shape is not what the model takes; build a bundle that `compress export` wrote unchanged"
_DYNAMIC = (
    "options for dynamic shapes do not fit together or do not fit this model; a bundle is built with fixed shapes"
)
_PATH = "a file or folder cannot be used; check the bundle's path and its permissions"
_INSIDE = f"an operator's own check refuses what it gets; {_NAMED}"
_WARNING = "this is only a warning of ATC, which does not end it; " + PLOG
_REMEDIES = {
    "E10001": "a value does not fit its option; most often --soc names a chip that this CANN does not know "
    "(`npu-smi info` on the board shows the name; append it to 'Ascend')",
    "E10002": _SHAPE,
    "E10003": "a value is not among those that its option takes; compare the command with `atc --help` of this CANN",
    "E10004": "an option has an empty value; export the bundle again",
    "E10005": "an option wants true or false",
    "E10006": "an option wants 0 or 1",
    "E10007": "an option that this CANN requires is missing; compare the command with `atc --help`",
    "E10009": _DYNAMIC,
    "E10011": _SHAPE,
    "E10012": _DYNAMIC,
    "E10013": "a value is out of its option's range; compare the command with `atc --help` of this CANN",
    "E10014": "a file is not what its option wants; build again from a fresh bundle",
    "E10016": "a name in --input_shape or --out_nodes is not in the model; export the bundle again rather than edit it",
    "E10017": "a name in --out_nodes is not in the model in the way ATC wants it; export the bundle again",
    "E10018": _DYNAMIC,
    "E10019": _DYNAMIC,
    "E10020": _DYNAMIC,
    "E10021": "a path is too long; move the bundle to a shorter one",
    "E10022": _PATH,
    "E10031": _DYNAMIC,
    "E10032": "a JSON file of CANN or of the command cannot be read; build again from a fresh bundle",
    "E10034": "the input goes through AIPP and cannot be half precision as well",
    **dict.fromkeys(("E10035", "E10036", "E10037", "E10038", "E10039", "E10040"), _DYNAMIC),
    "E10041": "the model file cannot be read; check that it is complete, with the files that hold its weights, and "
    "that there is memory left",
    "E10045": _DYNAMIC,
    "E10046": _DYNAMIC,
    "E10047": "two options exclude each other; compare the command with `atc --help` of this CANN",
    "E10048": _SHAPE,
    "E10049": _SHAPE,
    "E10050": _SHAPE,
    "E10052": "aipp.cfg does not fit the model; rewrite it with --source",
    "E10054": "an option has an empty value; export the bundle again",
    "E10055": "this CANN does not do what an option asks for; compare the command with `atc --help`",
    "E10056": "two options exclude each other; compare the command with `atc --help` of this CANN",
    "E10057": "an option needs another one beside it; compare the command with `atc --help` of this CANN",
    "E10058": "an option is missing or empty; export the bundle again",
    "E10410": "a file of the command does not exist; export the bundle again",
    "E10501": _OPERATOR,
    "E11016": "a node in --out_nodes has no such output; export the bundle again rather than edit it",
    "E11017": "a node in --out_nodes is not in the model; export the bundle again rather than edit it",
    **dict.fromkeys(("E13000", "E13001", "E13002", "E13003", "E13004", "E13026"), _PATH),
    "E13005": "a file cannot be read as what it should be; export the bundle again",
    "E13009": f"two nodes have one name; {LINT} lists them",
    "E13010": _OPERATOR,
    "E13014": _INSIDE,
    "E13015": "a file is empty or too large; export the bundle again",
    "E13023": "the OM would be larger than ATC allows; take a smaller model",
    "E13024": _INSTALLED,
    "E13025": _INSIDE,
    "E14001": _INSIDE,
    "E14002": _INSIDE,
    "E16001": "the model has no node; export it again",
    "E16002": _OPERATOR,
    "E16004": "the model has no graph; export it again",
    "E16005": f"the model has several entries in opset_import, and ATC takes one: {LINT} --fix removes those that no "
    "node uses; operators of other domains have to be exported away or cut off",
    "E19010": _OPERATOR,
    "E19999": f"an error inside ATC, which names no reason here; {PLOG}",
    "E20001": _NAMED,
    "E20002": _INSTALLED,
    "E20003": "an option for fusion or precision does not fit; compare the command with `atc --help` of this CANN",
    "E20007": _NAMED,
    "E20101": "an option for fusion or precision does not fit; compare the command with `atc --help` of this CANN",
    "E20103": "an option for fusion or precision does not fit; compare the command with `atc --help` of this CANN",
    "E21001": _INSTALLED,
    "E21002": _INSTALLED,
    "E22001": _NAMED,
    "E30003": _KERNEL,
    "E30006": _INSTALLED,
    "E40001": _INSTALLED,
    "E40002": _PYTHON,
    "E40003": _INSTALLED,
    "E40020": _PYTHON,
    "E40021": _COMPILER,
    "E40022": _NAMED,
    "E40023": _PATH,
    "E40024": _PYTHON,
    **{f"E700{number:02}": _INSIDE for number in range(1, 19)},
    "E76002": _OPERATOR,
    "E80001": _INSTALLED,
    "E89999": _INSIDE,
    **dict.fromkeys(("EB0000", "EB0500", "EB1000", "EB3000", "EB4000", "EB9000"), _COMPILER),
    "EF0001": "this CANN does not know the chip that --soc names",
    **{f"EZ00{number:02}": _INSIDE for number in range(1, 36)},
    "EZ0501": _OPERATOR,
    "EZ3001": _KERNEL,
    "EZ3002": _KERNEL,
    "EZ3003": _KERNEL,
    "EZ9010": _OPERATOR,
    "EZ9999": _COMPILER,
    "W11001": "the operator runs, but slowly: no kernel made for this chip fits it; this is only a warning of ATC",
    "W11002": _WARNING,
    "W11003": _WARNING,
    "W40010": _WARNING,
    "W40011": _WARNING,
}
_ROOMS = {
    "1": "the graph engine of ATC",
    "2": "the fusion of operators",
    "3": "AI CPU",
    "4": "the compiler of operators",
    "7": "the checks of operators",
    "8": "the checks of operators",
    "B": "the compiler of operators",
    "E": "the runtime",
    "H": "AscendCL",
    "L": "the driver",
    "Z": "the operators",
}
"""What the second character of a code stands for (CANN troubleshooting, format of error codes)."""
_REASONS = (
    (re.compile(r"dtype is not same|dtypes? .*(should|must) be (the )?same", re.IGNORECASE), _TYPES),
    (re.compile(r"NonMaxSuppression|BatchMultiClassNonMax"), _SUPPRESSION),
    (
        re.compile(r"bad_alloc|out of memory|insufficient.*memory|alloc\w* .*memory|memory.*alloc", re.IGNORECASE),
        _MEMORY,
    ),
    (
        re.compile(
            r"No module named|ModuleNotFoundError|ImportError|AttributeError|SyntaxError|TypeError: |FrameLocalsProxy|"
            r"has no attribute|numpy|import (?:of )?\S+ failed|Python"
        ),
        _PYTHON,
    ),
    (re.compile(r"No parser is registered|IR for Op|not registered", re.IGNORECASE), _OPERATOR),
    (re.compile(r"kernel|not support|unsupport", re.IGNORECASE), _KERNEL),
)
"""What the words behind a code that can mean anything tell."""
_ANYTHING = re.compile(r"E[0-9A-Z]9999|E40021|E20007|E20001|E22001|EB[0-9]{4}")


def remedy(code: str, *said: str) -> str:
    """What to do about a code of ATC. `said` is what it says of its cause, the innermost first."""
    if _ANYTHING.fullmatch(code) and said:
        for text in said:
            for pattern, known in _REASONS:
                if pattern.search(text):
                    return known
        return _NAMED if code[2:] == "9999" or len(said) > 1 else _REMEDIES.get(code, _COMPILER)
    if code in _REMEDIES:
        return _REMEDIES[code]
    room = _ROOMS.get(code[1:2], "")
    return f"the code is one of {room}; {PLOG}" if room else PLOG
