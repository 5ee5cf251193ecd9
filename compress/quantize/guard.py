"""Refuses a quantised model whose scores collapsed, and says which tensor did it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from compress.quantize.compared import Agreement, agreement
from compress.quantize.quantization import Quantization
from compress.quantize.runnable import quantised_outputs
from deploy.errors import ModelError

MOST_LOST = 0.5
MOST_NEW = 2.0
LOWEST_SNR = 3.0
"""dB; where the noise is as large as the signal, boxes are a matter of chance."""
MANY_LOST = 0.03
"""Where mAP suffers too: methods that fit lost 0.8 to 3.0 % of the findings and at most 0.9 points of mAP@0.5:0.95 on
BCCD and DeepPCB, those that lost 4 % and more 0.9 to 27 points (docs/benchmarks.md)."""
_ON_TRIAL = 2


def check_scores(
    model: onnx.ModelProto,
    quantization: Quantization,
    images: Sequence[np.ndarray],
    before: Sequence[Sequence[np.ndarray]],
    classes: int,
    name: str,
) -> Agreement:
    """The agreement of the quantised model with the float one, whose outputs are `before`.

    Raises ModelError where more than half of the findings are gone, findings come up from nowhere, or the outputs are
    noise; it names the layer that does most of it alone, and the tensor that this one quantises.
    """
    found = agreement(before, quantised_outputs(model, quantization, images), classes)
    reason = _collapse(found)
    if reason:
        raise ModelError(
            f"{name}: {reason}; {_culprit(model, quantization, images, before, classes)}; nothing was written"
        )
    return found


def doubt(found: Agreement, method: str) -> str:
    """What to expect of a model that is written although it lost many findings, or an empty text."""
    if not found.found or found.lost <= MANY_LOST:
        return ""
    return (
        f"{method} lost {found.lost:.1%} of the float model's findings on the calibration images, so mAP will suffer: "
        "take mse, adaround or lsq, or keep in float what `compress sensitivity` names"
    )


def _collapse(found: Agreement) -> str:
    if not found.finite:
        return "the quantised model gives numbers that are not finite"
    if found.found and found.lost > MOST_LOST:
        return f"the scores collapsed: of {found.found} findings on the calibration images {found.kept} are left"
    if found.found and found.new > MOST_NEW * found.found:
        return f"the scores collapsed: {found.new} findings come up that the float model's {found.found} do not have"
    if found.snr < LOWEST_SNR:
        return f"the outputs collapsed: their signal to noise is {found.snr:.1f} dB"
    return ""


def _culprit(
    model: onnx.ModelProto,
    quantization: Quantization,
    images: Sequence[np.ndarray],
    before: Sequence[Sequence[np.ndarray]],
    classes: int,
) -> str:
    worst, lowest = quantization.whole[0], np.inf
    some = [images[number] for number in range(min(_ON_TRIAL, len(images)))]
    for layer in quantization.whole:
        alone = quantised_outputs(model, quantization.only({layer.name}), some)
        snr = agreement(before[: len(some)], alone, classes).snr
        if snr < lowest:
            worst, lowest = layer, snr
    activation = quantization.activations[worst.source]
    return (
        f"'{worst.source}', quantised for {worst.name}, does most of it alone ({lowest:.1f} dB; a step of "
        f"{activation.scale:.3g}): keep it in float with --keep '{worst.name}', or take another method or images"
    )
