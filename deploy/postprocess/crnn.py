"""Scores of characters to a text (CTC), as the SDK's libcrnnpostprocess.so does it. Source: MxBase CrnnPostProcess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.sdk_codes import INVALID_PARAM, SdkFault


@dataclass(frozen=True)
class CrnnConfig:
    """CLASS_NUM (0..10000), OBJECT_NUM (steps, 0..1000), BLANK_INDEX (0..10000), WITH_ARGMAX (the model has it)."""

    class_num: int = 0
    object_num: int = 0
    blank: int = 0
    with_argmax: bool = False


def read_crnn_config(values: KeyValues) -> CrnnConfig:
    """What is missing has its default, with which the SDK goes on after a warning."""
    _, class_num = values.uint32("CLASS_NUM", 0, 0, 10_000)
    _, object_num = values.uint32("OBJECT_NUM", 0, 0, 1000)
    _, blank = values.uint32("BLANK_INDEX", 0, 0, 10_000)
    _, with_argmax = values.boolean("WITH_ARGMAX", False)
    return CrnnConfig(class_num, object_num, blank, with_argmax)


def check_crnn_shapes(shapes: Sequence[Sequence[int]], config: CrnnConfig) -> None:
    """One output: [1, steps, classes] or [1, steps, 1, classes]; with WITH_ARGMAX [1, steps]. Raises SdkFault 1004."""
    if config.with_argmax:
        wanted, fits = f"[1, {config.object_num}]", _fits(shapes, [[config.object_num]])
    else:
        steps, classes = config.object_num, config.class_num
        wanted = f"[1, {steps}, {classes}]"
        fits = _fits(shapes, [[steps, classes]]) or (
            len(shapes) == 1 and len(shapes[0]) == 4 and (shapes[0][1], shapes[0][3]) == (steps, classes)
        )
    if not fits:
        found = ", ".join(str(list(shape)) for shape in shapes)
        raise SdkFault(
            INVALID_PARAM,
            f"the model's outputs are {found}; OBJECT_NUM={config.object_num} and CLASS_NUM={config.class_num} take "
            f"{wanted}",
        )


def character_ids(outputs: Sequence[np.ndarray], config: CrnnConfig) -> np.ndarray:
    """The ids (int [n]) of one image's characters: the best of each step, without repetitions and blanks.

    outputs[0] as `check_crnn_shapes` wants it, of four bytes and read as float32; with WITH_ARGMAX int64. Raises
    SdkFault 1004.
    """
    check_crnn_shapes([output.shape for output in outputs], config)
    if config.with_argmax:
        if outputs[0].dtype.itemsize != 8:
            raise SdkFault(INVALID_PARAM, f"the model's output is {outputs[0].dtype}; WITH_ARGMAX reads int64")
        best = outputs[0].reshape(-1).view(np.int64)
    else:
        if outputs[0].dtype.itemsize != 4:
            raise SdkFault(INVALID_PARAM, f"the model's output is {outputs[0].dtype}; it has to be of four bytes")
        scores = np.ascontiguousarray(outputs[0]).reshape(-1).view(np.float32)
        best = scores[: config.object_num * config.class_num].reshape(config.object_num, config.class_num).argmax(1)
    before = np.concatenate(([config.blank], best[:-1]))
    return best[(best != config.blank) & (best != before)]


def _fits(shapes: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> bool:
    return len(shapes) == 1 and list(shapes[0][1:]) in [list(sides) for sides in wanted]
