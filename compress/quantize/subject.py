"""What is quantised: the bundle's model, what is known of it, and the images that it is calibrated with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx

from compress.graph.graph_facts import GraphFacts
from compress.graph.load import load_onnx
from compress.quantize.accepted import check_accepted, doubts
from compress.quantize.float_run import outputs_over
from compress.quantize.fold_batch_norm import fold_batch_norm
from compress.quantize.images import calibration_images
from compress.quantize.layers import Layer, choose_layers
from compress.quantize.network_input import NetworkInputs, network_inputs
from compress.quantize.ranges import collect
from deploy.bundle import MODEL, OM, Bundle, open_bundle

_TRIED = 8


class Asked(Protocol):
    """The settings that say what is quantised; they are fields of dataclasses."""

    @property
    def bundle(self) -> str | Path: ...
    @property
    def calib(self) -> str | Path: ...
    @property
    def count(self) -> int: ...
    @property
    def keep(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Subject:
    """`name` is the model's file as sentences call it; `model` has its batch norms folded (`folded` of them).

    `images` are the network's inputs, `outputs` the float model's raw outputs for them, `listed` the images' names and
    hashes, `notes` what is doubtful about them.
    """

    bundle: Bundle
    name: str
    model: onnx.ModelProto
    folded: int
    layers: list[Layer]
    images: NetworkInputs
    outputs: list[list[np.ndarray]]
    listed: list[dict[str, str]]
    notes: list[str]


def open_subject(asked: Asked, say: Callable[[str], None]) -> Subject:
    """Read and check everything that quantising needs, and tell `say` of what is doubtful.

    Raises ModelError for a bundle that cannot be quantised, UsageError for a --keep that matches nothing, DataError for
    faulty images.
    """
    bundle = open_bundle(Path(asked.bundle), ignore=(OM,))
    file = bundle.folder / MODEL
    model = load_onnx(file)
    check_accepted(bundle, GraphFacts(model), str(file))
    model, folded = fold_batch_norm(model, str(file))
    layers = choose_layers(GraphFacts(model), asked.keep, str(file))
    chosen = calibration_images(Path(asked.calib), asked.count)
    images = network_inputs(bundle, chosen.files)
    outputs = list(outputs_over(model.SerializeToString(), images))
    few = range(min(len(images), _TRIED * 4))
    inputs = [layer.source for layer in layers if not layer.kept][:_TRIED]
    statistics = collect(model, inputs, [images[number] for number in few], histograms=False)
    notes = [*chosen.notes, *doubts(statistics, outputs, chosen.files, len(bundle.names))]
    for sentence in notes:
        say(f"warning: {sentence}")
    return Subject(bundle, str(file), model, folded, layers, images, outputs, chosen.listed(), notes)
