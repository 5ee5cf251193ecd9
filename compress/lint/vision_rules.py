"""Rules about the image's way into the network: its size, its scaling, the stem, and the widths of the layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

from compress.graph.graph_facts import place
from compress.graph.shapes import shown
from compress.lint.finding import ERROR, NOTE, WARNING, Finding
from compress.lint.fix.focus import find_focus
from compress.lint.subject import Subject
from compress.pad.operators import RULES
from compress.pad.pad_model import CONVOLUTIONS, follow
from deploy.aipp.read import read_aipp
from deploy.errors import ModelError, ReportedError
from deploy.wording import shortened

_WIDTHS, _HEIGHTS = (32, 4096), (6, 4096)
_BLOCK = 16


def image(subject: Subject) -> Iterator[Finding]:
    size = subject.image_size()
    if size is None:
        found = [
            _described(value, subject) for value in subject.facts.graph.input if value.name in subject.facts.inputs
        ]
        yield Finding(
            "input-shape",
            ERROR,
            subject.name,
            f"takes {shortened(found) or 'nothing'}; AIPP feeds one FLOAT [1, 3, H, W]",
            "export the network in float32 (without --half) with one RGB image as its input",
        )
        return
    height, width = size
    if width % 16 or height % 2:
        sentence = f"takes {width} x {height} px; DVPP's images have a width of 16s and an even height"
        yield Finding("size-alignment", ERROR, subject.name, sentence, "export for a size of multiples of 32")
    if not (_WIDTHS[0] <= width <= _WIDTHS[1] and _HEIGHTS[0] <= height <= _HEIGHTS[1]):
        sentence = f"takes {width} x {height} px; DVPP makes widths of 32 to 4096 and heights of 6 to 4096"
        yield Finding("size-range", ERROR, subject.name, sentence, "export for another size")


def _described(value: onnx.ValueInfoProto, subject: Subject) -> str:
    """An input with its type and shape."""
    kind = value.type.tensor_type.elem_type
    name = onnx.TensorProto.DataType.Name(kind) if kind in onnx.TensorProto.DataType.values() else str(kind)
    return f"'{value.name}' of {name} {shown(subject.facts.shapes.get(value.name))}"


def aipp(subject: Subject) -> Iterator[Finding]:
    """The bundle's aipp.cfg against the model's input; what is wrong with the file itself `deploy check` finds."""
    if subject.bundle is None:
        return
    file = subject.bundle.folder / "aipp.cfg"
    if not file.is_file():
        remedy = "bash build.sh BUNDLE writes it"
        yield Finding(
            "aipp-missing", ERROR, str(file), "is not there, so pixels would reach the model unscaled", remedy
        )
        return
    try:
        values = read_aipp(file)
    except ReportedError:
        return
    size, source = subject.image_size(), (values["src_image_size_h"], values["src_image_size_w"])
    plain = values["crop"] == "false" and values["padding"] == "false"
    if size is not None and plain and any(source) and source != size:
        sentence = f"src_image_size is {source[1]} x {source[0]}; the model takes {size[1]} x {size[0]}"
        yield Finding("aipp-size", ERROR, str(file), sentence, "bash build.sh BUNDLE --source jpeg writes it anew")
    scaled = abs(float(values["var_reci_chn_0"]) - 1 / 255) < 1e-4
    node = _scaling(subject)
    if node is not None and scaled:
        sentence = f"{place(node)} divides by 255 what AIPP has divided already"
        remedy = "export without the division, or set var_reci_chn to 1 in aipp.cfg"
        yield Finding("scaled-twice", ERROR, str(file), sentence, remedy)


def _scaling(subject: Subject) -> onnx.NodeProto | None:
    """The node that divides the image by 255."""
    value = subject.input()
    for node in subject.facts.takers[value.name] if value is not None else []:
        for constant in (subject.facts.constants.get(name) for name in node.input):
            if constant is not None and constant.size == 1 and node.op_type in ("Div", "Mul"):
                factor = float(np.ravel(constant)[0])
                if abs((factor if node.op_type == "Div" else 1 / (factor or 1)) - 255) < 0.5:
                    return node
    return None


def focus(subject: Subject) -> Iterator[Finding]:
    for found in find_focus(subject.facts):
        sentence = "slices pixels apart in front of a convolution (Focus), which keeps AIPP from feeding it directly"
        remedy = "let --fix make one convolution of twice the kernel of it, which computes the same"
        yield Finding("focus", WARNING, place(found.concat), sentence, remedy, True)


def channels(subject: Subject) -> Iterator[Finding]:
    """Widths that fill no whole blocks; the image itself and what goes out of the model cannot be changed."""
    facts = subject.facts
    try:
        followed, _ = follow(facts)
    except ModelError as fault:
        yield Finding("channels", NOTE, subject.name, str(fault), "look whether it is the model that you mean")
        return
    odd = []
    for node in facts.graph.node:
        if node.op_type not in CONVOLUTIONS or node.op_type not in RULES:
            continue
        for tensor in (node.input[0], node.output[0]):
            if tensor in followed.ids and len(followed.ids[tensor]) % _BLOCK and not followed.pin_reason(tensor):
                odd.append(node)
                break
    if odd:
        yield Finding(
            "channels",
            NOTE,
            place(odd[0]),
            f"{len(odd)} convolutions have counts that are no multiple of {_BLOCK}; the chip computes whole blocks",
            "prune with --align 16, or bash run.sh compress pad MODEL.onnx --multiple 16 --out FILE",
        )
