"""Validation during training: the board's letterbox, decoding and NMS, and the same scorer as `run.sh eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from compress.data.data_yaml import DataSet
from compress.data.labels import read_labels
from compress.nets.detector import Detector
from compress.train.pictures import readable
from compute_mAP.detections import Detections
from compute_mAP.errors import DataError
from compute_mAP.voc_eval import evaluate
from compute_mAP.voc_xml import Annotation, Object
from deploy.host.letterbox import letterbox
from deploy.postprocess.mapping import FIT, Geometry
from deploy.sdk_codes import SdkFault

SCORE, IOU = 0.001, 0.6  # the thresholds of a bundle's eval.cfg
_BATCH = 16


class Validator:
    """mAP of a model on one split of a data set, protocol `area`.

    Args:
        data: the data set.
        split: train, val or test.
        imgsz: side of the square network input in pixels.

    `faults` has a sentence for each picture that is left out. Raises DataError when no object is left.
    """

    def __init__(self, data: DataSet, split: str, imgsz: int) -> None:
        self.names = data.names
        self.imgsz = imgsz
        self.pictures: list[Path] = []
        self.geometries: list[Geometry] = []
        self.ground_truth: dict[str, Annotation] = {}
        good, self.faults = readable(data.images(split))
        for image, _, _ in good:
            picture = cv2.imread(str(image))
            if picture is None:
                self.faults.append(f"{image} cannot be decoded; it is left out")
                continue
            height, width = picture.shape[:2]
            try:
                _, ratio = letterbox(picture, imgsz, imgsz)
            except SdkFault as fault:
                self.faults.append(f"{image}: {fault.sentence}; it is left out")
                continue
            self.pictures.append(image)
            self.geometries.append(Geometry(imgsz, imgsz, width, height, FIT, ratio))
            self.ground_truth[str(image)] = self._annotation(read_labels(image, len(data.names)), width, height)
        if not any(annotation.objects for annotation in self.ground_truth.values()):
            raise DataError(f"{data.file}: the {split} split has not one labelled object in a picture that can be read")

    def __call__(self, model: Detector) -> dict[str, Any]:
        """`map50`, `map75`, `map50_95` (0..1) and `ap50` by class name; the model is put into eval mode."""
        model.eval()
        device = next(model.parameters()).device
        found = []
        for start in range(0, len(self.pictures), _BATCH):
            batch = np.stack([self._canvas(image) for image in self.pictures[start : start + _BATCH]])
            x = torch.from_numpy(batch).to(device).flip(-1).permute(0, 3, 1, 2).float() / 255
            with torch.no_grad():
                heads = [head.float().cpu().numpy() for head in model(x.contiguous())]
            for i, geometry in enumerate(self.geometries[start : start + _BATCH]):
                found.append(model.boxes([head[i : i + 1] for head in heads], SCORE, IOU, geometry))
        report = evaluate(self._by_class(found), self.ground_truth, self.names)
        return {"map50": report.map50, "map75": report.map75, "map50_95": report.map50_95, "ap50": report.ap50}

    def _canvas(self, image: Path) -> np.ndarray:
        picture = cv2.imread(str(image))
        if picture is None:
            raise DataError(f"{image} could be read when the training began, and now it cannot")
        return letterbox(picture, self.imgsz, self.imgsz)[0]

    def _by_class(self, found: list[np.ndarray]) -> dict[str, Detections]:
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
