"""The fewest layers in float with which a wanted mAP is kept: the most sensitive ones, as many as halving finds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx

from compress.quantize.bundle import write_int8_bundle
from compress.quantize.deploy_graph import deploy_graph
from compress.quantize.images import evenly
from compress.quantize.qdq_graph import qdq_graph
from compress.quantize.quantization import Quantization
from compress.quantize.sensitivity import Cost, layer_costs
from compress.quantize.subject import Subject
from deploy.errors import ModelError
from deploy.run.evaluate import evaluate
from deploy.run.target import Target

_JUDGED = 8
REASON = "it is among the layers that --budget-drop puts back"


def within_budget(
    subject: Subject,
    model: onnx.ModelProto,
    quantization: Quantization,
    devkit: Path,
    image_set: str,
    points: float,
    say: Callable[[str], None],
) -> Quantization:
    """The quantisation with as few layers in float as keep mAP@0.5:0.95 within `points` (of 100) of the float model's.

    Scored by the host engine in board numerics. Raises DataError for a faulty devkit, ModelError where no number of
    layers is enough.
    """

    def score(bundle: Path) -> float:
        with tempfile.TemporaryDirectory() as scratch:
            done = evaluate(Target(bundle, on="host"), devkit, None, image_set, "area", Path(scratch))
        return done.report.map50_95

    def tried(number: int) -> float:
        left = quantization.without({cost.layer: REASON for cost in costs[:number]})
        with tempfile.TemporaryDirectory() as scratch:
            bundle = Path(scratch) / "bundle"
            summary = {"precision": "int8", "chips": ["Ascend310"]}
            forms = (qdq_graph(model, left, subject.name), deploy_graph(model, left))
            write_int8_bundle(subject.bundle, bundle, *forms, {}, summary, {"stage": "quantize"})
            found = score(bundle)
        say(f"{number} layers more in float: mAP@0.5:0.95 {found:.4f}, wanted {wanted:.4f}")
        return found

    wanted = score(subject.bundle.folder) - points / 100
    costs: list[Cost] = []
    if tried(0) >= wanted:
        return quantization
    some = evenly(len(subject.images), _JUDGED)
    images, before = [subject.images[number] for number in some], [subject.outputs[number] for number in some]
    costs = layer_costs(model, quantization, images, before, len(subject.bundle.names), together=False)
    number = fewest(len(costs) - 1, lambda count: tried(count) >= wanted)
    if number is None:
        raise ModelError(
            f"{subject.name}: even with one layer on int8 mAP@0.5:0.95 falls by more than {points:g} points; allow more"
        )
    return quantization.without({cost.layer: REASON for cost in costs[:number]})


def fewest(most: int, is_enough: Callable[[int], bool]) -> int | None:
    """The smallest of 1..most that is enough, by halving, where 0 is not and more is never worse; None where `most` is
    not enough."""
    low, high = 0, most
    if high < 1 or not is_enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
