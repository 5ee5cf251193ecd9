"""From a bundle's ONNX to its OM: everything that ATC needs is written first, then ATC runs where there is one."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.acl.find_acl import find_acl
from deploy.aipp.write import aipp_text
from deploy.atc.cann import DEFAULT_CANN, check_soc, newest_opset
from deploy.atc.command import atc_command, find_outputs, script
from deploy.atc.run_atc import run_atc
from deploy.atc.shipped import place_to_build
from deploy.bundle import OM, Bundle, open_bundle, rewrite
from deploy.console import note
from deploy.errors import EnvironmentFault, ModelError
from deploy.hashes import file_sha256
from deploy.wire.onnx_graph import FLOAT32, OnnxGraph, read_onnx_graph
from deploy.wording import shortened

THIS_CHIP = "auto"
"""The `soc` that stands for the chip of the machine that converts."""
AIPP, SCRIPT, LOG = "aipp.cfg", "atc.sh", "atc.log"
STAGE = "build"


@dataclass(frozen=True)
class Om:
    """A converted model: its file, the command that made it, the chip, and the SHA-256 of the file."""

    path: Path
    command: list[str]
    soc: str
    cann: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return {
            "om": str(self.path),
            "command": self.command,
            "soc": self.soc,
            "cann": self.cann,
            "sha256": self.sha256,
        }


def build(folder: Path, soc: str | None = None, cann: str = DEFAULT_CANN, source: str | None = None) -> Om:
    """Write the AIPP file, the ATC command and its script into the bundle, run ATC, and record what came of it.

    `soc` is the chip (default: the one of the bundle's command; THIS_CHIP: this machine's), `source` a key of
    aipp_text.SOURCES for which aipp.cfg is rewritten; without it the bundle's own aipp.cfg stays. If ATC fails, an
    earlier OM stays. The bundle that comes with the project is built in a copy (shipped.py).

    Raises ModelError for a faulty bundle or an opset that this CANN cannot read, UsageError for a `soc` or `cann` that
    is none, EnvironmentFault where there is no ATC, ReportedError where it fails.
    """
    newest = newest_opset(cann)
    own = find_acl().soc
    if soc == THIS_CHIP:
        if not own:
            raise EnvironmentFault(f"--soc {THIS_CHIP}: this machine's chip is not known: {find_acl().why}")
        soc = own
    if soc is not None:
        check_soc(soc)
    place = place_to_build(folder)
    if place != folder:
        note(f"{folder} stays as it was shipped; a copy of it is built in {place}: name that one with --model")
    bundle = open_bundle(place, ignore=(OM,))
    for sentence in bundle.notes:
        note(sentence)
    model = bundle.folder / bundle.converted
    graph = read_onnx_graph(model)
    _check_precision(bundle, graph, model)
    if graph.opset > newest:
        raise ModelError(
            f"{model} has opset {graph.opset}; CANN {cann} converts up to {newest}: export it with "
            f"opset 11 or lower it with `bash run.sh compress lint --fix`; if your CANN is newer, name it with --cann"
        )
    if len(graph.domains) > 1:
        named = shortened([repr(domain) for domain in graph.domains])
        note(
            f"{model} has {len(graph.domains)} entries in opset_import ({named}), and ATC takes one "
            "(E16005): `bash run.sh compress lint --fix` removes those that no node uses"
        )
    soc = soc or _recorded_soc(bundle)
    if own and own != soc:
        note(
            f"the OM is for {soc}, and this machine's chip is {own}, which will not run it; --soc {THIS_CHIP} would "
            "convert for it"
        )
    chips = bundle.quantization.get("chips", [])
    if chips and not soc.startswith(tuple(chips)):
        note(f"the bundle is int8 for {', '.join(chips)}; nothing is known of its operators on {soc}")
    command = _prepare(bundle, graph, soc, source)
    print(f"in {bundle.folder}: {shlex.join(command)}", file=sys.stderr)
    program = shutil.which("atc")
    if program is None:
        raise EnvironmentFault(
            "everything but the OM was written, because there is no atc on PATH: source the set_env.sh of the CANN "
            "toolkit (such as /usr/local/Ascend/ascend-toolkit/set_env.sh) and build again, or run "
            f"sh {bundle.folder / SCRIPT} on a machine that has it; bundle.json there holds the same command as 'atc'"
        )
    return _convert(bundle, program, command, {"soc": soc, "cann": cann, "source": source})


def _prepare(bundle: Bundle, graph: OnnxGraph, soc: str, source: str | None) -> list[str]:
    """Write aipp.cfg, atc.sh and the command in bundle.json; returns the command."""
    height, width = bundle.imgsz
    outputs = find_outputs(graph, str(bundle.folder / bundle.converted))
    command = atc_command(height, width, _input_name(bundle, graph), outputs, soc, bundle.converted)
    recorded = [entry for entry in bundle.atc if not entry.startswith("--soc_version=")]
    if recorded != [entry for entry in command if not entry.startswith("--soc_version=")]:
        note(f"the ATC command in {bundle.folder / 'bundle.json'} did not belong to this model, so it was rewritten")
    texts = {SCRIPT: script(command)}
    aipp = bundle.folder / AIPP
    if source is not None or not aipp.exists():
        if aipp.exists() and file_sha256(aipp) != bundle.description["files"].get(AIPP):
            aside = _free(aipp.with_name(f"{AIPP}.prev"))
            aipp.replace(aside)
            note(f"the edited {aipp} is now {aside.name}")
        texts[AIPP] = aipp_text(height, width, source or "jpeg")
        if source in ("bgr", "rgb"):
            note("the bundle's pipelines decode with JPEGD; packed images need a decoder and resize with cvProcessor")
    rewrite(bundle, texts, outputs=outputs, atc=command)
    return command


def _free(path: Path) -> Path:
    """The path, with a number behind it where something has that name."""
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.name}{number}")
    return found


def _check_precision(bundle: Bundle, graph: OnnxGraph, model: Path) -> None:
    """Raise ModelError where the graph is not in the form of int8, or of floats, that the bundle says it is in."""
    operators = {node.operator for node in graph.nodes}
    if bundle.quantization and "AscendQuant" not in operators:
        raise ModelError(f"{model} has no AscendQuant, but the bundle says that it is int8; quantise the bundle again")
    if "QuantizeLinear" in operators:
        raise ModelError(
            f"{model} has QuantizeLinear, which ATC does not take: convert it with amct_onnx's convert_qat_model, or "
            "quantise a float bundle with `bash run.sh compress quantize`, which writes the graph for ATC as well"
        )


def _input_name(bundle: Bundle, graph: OnnxGraph) -> str:
    height, width = bundle.imgsz
    expected = (1, 3, height, width)
    found = [(entry.name, entry.shape) for entry in graph.inputs]
    if len(found) != 1 or found[0][1] != expected or graph.inputs[0].kind != FLOAT32:
        raise ModelError(
            f"{bundle.folder / bundle.converted} takes {found}; expected one input of float32 {list(expected)}"
        )
    return found[0][0]


def _recorded_soc(bundle: Bundle) -> str:
    for entry in bundle.atc:
        option, _, value = entry.partition("=")
        if option == "--soc_version":
            return check_soc(value)
    return "Ascend310"


def _convert(bundle: Bundle, program: str, command: list[str], settings: dict[str, Any]) -> Om:
    om = bundle.folder / OM
    output = run_atc(program, command, om)
    digest = file_sha256(om)
    entry = {
        "stage": STAGE,
        "settings": settings,
        "command": command,
        "sha256": bundle.description["files"][bundle.converted],
        "aipp_sha256": file_sha256(bundle.folder / AIPP),
        "om_sha256": digest,
    }
    fresh = open_bundle(bundle.folder, ignore=(OM, LOG))
    stages = fresh.description.get("history", [])
    history = [stage for stage in stages if not (isinstance(stage, dict) and stage.get("stage") == STAGE)]
    rewrite(fresh, {LOG: output}, add=(OM,), history=[*history, entry])
    return Om(om, command, settings["soc"], settings["cann"], digest)
