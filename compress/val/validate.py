"""Validation with torch: the letterbox of the board or of YOLOv5, the board's decoding and NMS, and the scorer of
`run.sh eval`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from compress.data.data_yaml import DataSet
from compress.data.image_size import read_pixels
from compress.data.labels import read_labels
from compress.data.training_images import readable
from compress.nets.detector import Detector
from compress.val.letterbox import Letterbox, letterboxed
from compress.val.operating_point import OperatingPoint, best_operating_point
from compress.val.thresholds import EVAL
from compute_mAP.detections import Detections
from compute_mAP.report import Report
from compute_mAP.voc_eval import evaluate
from compute_mAP.voc_xml import Annotation, Object
from deploy.errors import DataError
from deploy.sdk_codes import SdkFault

_BATCH = 16


@dataclass(frozen=True)
class Validation:
    """Scores of a model. `milliseconds` an image: "pre-process", "inference", "post-process" (decoding and NMS)."""

    report: Report
    point: OperatingPoint
    detections: dict[str, Detections]
    milliseconds: dict[str, float]


class Validator:
    """mAP of a model on one split of a data set, protocol `area`.

    Args:
        data: the data set.
        split: train, val or test.
        imgsz: side of the square network input in pixels.
        letterbox: "grey", or "board" and "mixed" for the board's.
        batch_size: images a batch.
        images: those of the split to take, None for all.

    `faults` has a sentence for each image that is left out. Raises DataError when no object is left.
    """

    def __init__(
        self,
        data: DataSet,
        split: str,
        imgsz: int,
        letterbox: str = "board",
        batch_size: int = _BATCH,
        images: list[Path] | None = None,
    ) -> None:
        self.names = data.names
        self.imgsz = imgsz
        self.letterbox = letterbox
        self.batch_size = batch_size
        self.images: list[Path] = []
        self.ground_truth: dict[str, Annotation] = {}
        good, self.faults = readable(data.images(split) if images is None else images)
        for image, _, _ in good:
            try:
                pixels = read_pixels(image)
            except DataError as fault:
                self.faults.append(f"{fault}; it is left out")
                continue
            height, width = pixels.shape[:2]
            try:
                letterboxed(pixels, imgsz, letterbox)
            except SdkFault as fault:
                self.faults.append(f"{image}: {fault.sentence}; it is left out")
                continue
            self.images.append(image)
            self.ground_truth[str(image)] = self._annotation(read_labels(image, len(data.names)), width, height)
        if not any(annotation.objects for annotation in self.ground_truth.values()):
            raise DataError(f"{data.file}: the {split} split has not one labelled object in an image that can be read")

    def __call__(self, model: Detector) -> dict[str, Any]:
        """`map50`, `map75`, `map50_95`, `f1` (0..1), `f1_confidence`, and `ap50` by class name.

        F1 is the mean over the classes at the confidence where it is highest. The model is put into eval mode.
        """
        found = self.validate(model)
        report = found.report
        return {
            "map50": report.map50,
            "map75": report.map75,
            "map50_95": report.map50_95,
            "f1": found.point.f1,
            "f1_confidence": found.point.confidence,
            "ap50": report.ap50,
        }

    def validate(self, model: Detector) -> Validation:
        """Everything about the model on this split; it is put into eval mode."""
        model = model.eval().deployed()
        found: list[np.ndarray] = []
        spent = np.zeros(3)
        for start in range(0, len(self.images), self.batch_size):
            clock = [time.perf_counter()]
            batch = [self._letterboxed(image) for image in self.images[start : start + self.batch_size]]
            clock.append(time.perf_counter())
            heads = outputs_of(model, [canvas for canvas, _ in batch])
            clock.append(time.perf_counter())
            for i, (_, frame) in enumerate(batch):
                found.append(frame.boxes(model, [head[i : i + 1] for head in heads], *EVAL))
            clock.append(time.perf_counter())
            spent += np.diff(clock)
        detections = self.by_class(found)
        each = (1000 * spent / len(self.images)).tolist()
        return Validation(
            evaluate(detections, self.ground_truth, self.names),
            best_operating_point(detections, self.ground_truth, self.names),
            detections,
            dict(zip(("pre-process", "inference", "post-process"), each, strict=True)),
        )

    def _letterboxed(self, image: Path) -> tuple[np.ndarray, Letterbox]:
        return letterboxed(read_pixels(image), self.imgsz, self.letterbox)

    def by_class(self, found: list[np.ndarray]) -> dict[str, Detections]:
        """The boxes of each of `images`, float32 [n, 6] = x0 y0 x1 y1 confidence class, as the scorer takes them."""
        images = np.repeat(np.array(list(self.ground_truth)), [len(rows) for rows in found])
        rows = np.concatenate(found)
        picked = {name: rows[:, 5] == number for number, name in enumerate(self.names)}
        return {name: Detections(images[i].tolist(), rows[i, 4], rows[i, :4]) for name, i in picked.items()}

    def _annotation(self, labels: np.ndarray, width: int, height: int) -> Annotation:
        objects = []
        for number, cx, cy, w, h in labels.tolist():
            x0, y0, x1, y1 = (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
            objects.append(Object(self.names[int(number)], x0, y0, x1, y1, False))
        return Annotation(width, height, objects, [])


def outputs_of(model: Detector, canvases: list[np.ndarray]) -> list[np.ndarray]:
    """The raw outputs, float32 [B, ...], of network inputs uint8 [imgsz, imgsz, 3] in BGR."""
    device = next(model.parameters()).device
    x = torch.from_numpy(np.stack(canvases)).to(device).flip(-1).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return [head.float().cpu().numpy() for head in model(x.contiguous())]
