"""What a candidate is worth: the one shared model with the candidate's channels silent, its batch-norm statistics anew,
and its mAP on images that were held out of the training split (EagleEye, Li et al. 2020, arXiv 2007.02491).

A silent channel (gamma and beta 0, or the weights that make it) adds nothing to any layer behind it, so the masked
model is the cut one at the cost of the full-width passes, and nothing is copied or built. EagleEye's rule is kept
strictly: statistics start anew, are a plain average over all batches, and neither these nor the score see an image of
val or test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from compress.channels.flow import ChannelFlow
from compress.data.data_yaml import DataSet
from compress.data.training_images import readable
from compress.nets.detector import Detector
from compress.prune.choose import with_widths
from compress.prune.goal import Goal
from compress.prune.scores import Scores
from compress.prune.surgery import removed_classes, silence
from compress.train.recalibrate import recalibrate
from compress.val.letterbox import Letterbox
from compress.val.training_batches import BATCH_SIZE
from compress.val.validate import Validator
from deploy.errors import DataError


@dataclass(frozen=True)
class Scored:
    """mAP on the held-out images, 0..1."""

    map50: float
    map50_95: float


class HeldOut(Validator):
    """mAP on held-out images of the train split; each is read and letterboxed once."""

    def __init__(self, data: DataSet, images: list[Path], imgsz: int, letterbox: str) -> None:
        super().__init__(data, "train", imgsz, letterbox, BATCH_SIZE, images)
        self._seen: dict[Path, tuple[np.ndarray, Letterbox]] = {}

    def _letterboxed(self, image: Path) -> tuple[np.ndarray, Letterbox]:
        if image not in self._seen:
            self._seen[image] = super()._letterboxed(image)
        return self._seen[image]


def split_train(data: DataSet, held_out: int, batches: int, seed: int = 0) -> tuple[list[Path], list[Path]]:
    """The held-out images and those of the recalibration, drawn from the train split without overlap.

    At most half of the split is held out. Raises DataError for fewer than two images that can be read.
    """
    images = [image for image, _, _ in readable(data.images("train"))[0]]
    if len(images) < 2:
        raise DataError(f"{data.file}: the train split has one image that can be read, expected two or more")
    order = np.random.default_rng([seed, len(images)]).permutation(len(images)).tolist()
    count = min(held_out, len(images) // 2)
    rest = order[count:][: batches * BATCH_SIZE]
    return [images[i] for i in sorted(order[:count])], [images[i] for i in sorted(rest)]


class Scorer:
    """Scores width configurations of one model, which is as before after each of them.

    Args:
        model: the detector, in eval mode, on its device.
        flow: its channel flow.
        order: a score for each channel of each removable group: the highest stay.
        batches: what the statistics are averaged over, as `training_batches` gives them.
        held_out: the images that count.
    """

    def __init__(
        self,
        model: Detector,
        flow: ChannelFlow,
        order: Scores,
        batches: list[torch.Tensor],
        held_out: HeldOut,
    ) -> None:
        self.model, self.flow, self.order, self.batches, self.held_out = model, flow, order, batches, held_out

    def on_device(self) -> Scorer:
        """Itself, with its model in eval mode on the best device of this machine."""
        self.model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        return self

    def on_cpu(self) -> Scorer:
        """Itself, with its model where every machine can read it."""
        self.model.cpu()
        return self

    def baseline(self) -> Scored:
        """The model as it is."""
        return self._scored()

    def __call__(self, widths: Mapping[str, int]) -> Scored:
        """The model with so many channels in each group."""
        plan = with_widths(self.flow, self.order, widths, Goal("uniform", 1.0), 1)
        with _restored(self.model, [*self.flow.bare, *self.flow.layer_norms]):
            silence(self.model, self.flow, removed_classes(self.flow, plan))
            self.recalibrate(self.model)
            return self._scored()

    def recalibrate(self, model: nn.Module) -> None:
        """Give a model the statistics that its candidate was scored with."""
        device = next(model.parameters()).device
        recalibrate(model, (batch.to(device).float() / 255 for batch in self.batches))

    def _scored(self) -> Scored:
        report = self.held_out.validate(self.model).report
        return Scored(report.map50, report.map50_95)


@contextmanager
def _restored(model: nn.Module, others: Iterable[str]) -> Iterator[None]:
    """Afterwards every batch norm has its own tensors and momentum again, bit for bit, as have the layers named in
    `others` their tensors, and the model its mode.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    layers = [*norms, *(model.get_submodule(name) for name in others)]
    kept = [{name: tensor.clone() for name, tensor in layer.state_dict().items()} for layer in layers]
    momenta = [norm.momentum for norm in norms]
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        with torch.no_grad():
            for layer, tensors in zip(layers, kept, strict=True):
                for name, tensor in layer.state_dict().items():
                    tensor.copy_(tensors[name])
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode
