"""Climbs the ladder of one bundle: every form that its model has, on the same images, each against the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress.quantize.float_run import outputs_over
from compress.report.ladder.images import LadderImages
from compress.report.ladder.made_of import MadeOf, entry_of
from compress.report.ladder.rung import EIGHT_BITS, Rung, Seen, compared, recorded
from compress.report.ladder.streams import boxes_of, network_inputs, streamed, with_model
from compute_mAP.detections import Detections
from compute_mAP.voc_eval import evaluate
from deploy.bundle import MODEL, Bundle
from deploy.errors import DataError, ModelError
from deploy.results.detections import Detection

if TYPE_CHECKING:
    from compress.nets.detector import Detector

Boxes = dict[str, list[Detection]]


def climb(
    bundle: Bundle,
    images: LadderImages,
    made: MadeOf,
    device: Mapping[str, Sequence[Detection]] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Rung]:
    """The rungs that can be climbed, in their order; what was only recorded when it was made is told as such.

    `device` are the boxes that a chip found, by image. Raises DataError for an image that the stream does not take and
    for boxes of other images, ModelError for a checkpoint that cannot be exported and a pipeline that is no chain.
    """
    names = [file.stem for file in images.files]
    if device is not None and not set(names) & set(device):
        raise DataError(f"the chip's boxes are of none of these images, such as {names[0]}")
    rungs = _recorded(bundle, made)
    before: Seen | None = None
    for key, seen in _forms(bundle, images.files, made, say):
        allowed = EIGHT_BITS if key == "float" and bundle.quantization else None
        rungs.append(compared(key, before, seen, _map(seen, images, bundle.names), allowed))
        before = seen
    if device is not None:
        seen = Seen(boxes={name: list(device.get(name, ())) for name in names})
        rungs.append(compared("device", before, seen, _map(seen, images, bundle.names)))
    return rungs


def _recorded(bundle: Bundle, made: MadeOf) -> list[Rung]:
    """What pruning and exporting proved, where it cannot be proved again."""
    known = [("pruned", entry_of(bundle, "prune").get("masked_difference"))]
    if made.checkpoint is None:
        known.append(("onnx", made.export.get("onnx_difference")))
    return [recorded(key, float(value)) for key, value in known if isinstance(value, (int, float))]


def _forms(
    bundle: Bundle, files: Sequence[Path], made: MadeOf, say: Callable[[str], None]
) -> Sequence[tuple[str, Seen]]:
    inputs = network_inputs(bundle, files)
    content = (bundle.folder / MODEL).read_bytes()
    forms: list[tuple[str, Seen]] = []

    def add(key: str, model: bytes) -> None:
        say(f"the ladder of {bundle.folder}: {key}")
        with with_model(bundle, model) as folder:
            forms.append((key, Seen(list(outputs_over(model, inputs)), boxes_of(folder, "float", files))))

    plain = None if made.plain is None else (made.plain.folder / MODEL).read_bytes()
    if made.checkpoint is not None:
        from compress.export.onnx_file import exported, simplified

        model = _detector(made.checkpoint, made.export, bundle)
        forms.append(("checkpoint", Seen(_of_torch(model, inputs))))
        graph = exported(model, bundle.imgsz[0])
        add("onnx", graph.SerializeToString())
        if bundle.quantization and plain is None:
            plain = simplified(graph).SerializeToString()
    if not bundle.quantization:
        plain = content
    if plain is not None:
        add("simplified", plain)
    if bundle.quantization:
        add("int8", content)
    for numerics in ("float", "board"):
        say(f"the ladder of {bundle.folder}: the stream on the host, {numerics} numerics")
        forms.append((numerics, streamed(bundle, numerics, files)))
    return forms


def _detector(checkpoint: Path, export: Mapping[str, Any], bundle: Bundle) -> Detector:
    from compress.nets.weights import open_weights

    model, _ = open_weights(checkpoint)
    settings = export.get("settings") or {}
    model.imgsz = bundle.imgsz[0]
    model = model.deployed(settings.get("head")).float().eval().cpu()
    if len(model.names) != len(bundle.names):
        raise ModelError(f"{checkpoint}: has {len(model.names)} classes, {bundle.folder} has {len(bundle.names)}")
    return model


def _of_torch(model: Detector, inputs: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    import torch

    with torch.no_grad():
        return [[output.numpy() for output in model(torch.from_numpy(image.copy()))] for image in inputs]


def _map(seen: Seen, images: LadderImages, names: Sequence[str]) -> float | None:
    """mAP@0.5:0.95 of the boxes; None without ground truth."""
    if seen.boxes is None or not any(thing.name in names for a in images.truth.values() for thing in a.objects):
        return None
    found: dict[str, Detections] = {}
    for name in names:
        rows = [(image, box) for image, boxes in seen.boxes.items() for box in boxes if box.name == name]
        corners = np.array([[box.x0, box.y0, box.x1, box.y1] for _, box in rows], np.float64).reshape(-1, 4)
        found[name] = Detections([image for image, _ in rows], np.array([box.confidence for _, box in rows]), corners)
    return evaluate(found, images.truth, names).map50_95
