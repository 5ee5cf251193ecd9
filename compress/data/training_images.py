"""Training images: ultralytics' data set and augmentation over labels that we read ourselves.

ultralytics keeps a label cache in the user's data folder and reads it with pickle; this subclass reads the label files
and needs no cache.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ultralytics.cfg import get_cfg
from ultralytics.data.dataset import YOLODataset

from compress.data.board_canvas import on_board_canvas
from compress.data.image_size import image_size
from compress.data.labels import read_labels
from deploy.errors import DataError

# YOLOv5's low-augmentation settings (its hyp.scratch-low): what is not named here is off.
AUGMENTATION = {
    "hsv_h": 0.015,
    "hsv_s": 0.7,
    "hsv_v": 0.4,
    "degrees": 0.0,
    "translate": 0.1,
    "scale": 0.5,
    "shear": 0.0,
    "perspective": 0.0,
    "flipud": 0.0,
    "fliplr": 0.5,
    "mosaic": 1.0,
    "mixup": 0.0,
    "cutmix": 0.0,
    "copy_paste": 0.0,
}


def readable(images: list[Path]) -> tuple[list[tuple[Path, int, int]], list[str]]:
    """The images that can be opened, with height and width, and one sentence for each that cannot.

    Raises DataError when none can.
    """
    good, faults = [], []
    for image in images:
        try:
            width, height = image_size(image)
        except DataError as error:
            faults.append(f"{error}; it is left out")
        else:
            good.append((image, height, width))
    if not good:
        raise DataError(f"none of {len(images)} images can be read, the first is {images[0]}")
    return good, faults


class TrainingImages(YOLODataset):
    """Augmented training images: `img` uint8 [3, imgsz, imgsz] RGB, `cls` [n, 1], `bboxes` [n, 4] cx cy w h in 0..1.

    Args:
        images: images with height and width in pixels, as `readable` gives them.
        names: class names.
        imgsz: side of the square network input in pixels.
        batch_size: images a batch.
        augmentation: entries that replace those of AUGMENTATION.
        letterbox: "board" pads as the board does, top-left on its green; else centred on grey.
    """

    def __init__(
        self,
        images: list[tuple[Path, int, int]],
        names: list[str],
        imgsz: int,
        batch_size: int,
        augmentation: dict[str, float] | None = None,
        letterbox: str = "mixed",
    ) -> None:
        self._images = images
        self._letterbox = letterbox
        self._mosaic = True
        self._side = imgsz
        self._classes = len(names)
        hyp = get_cfg(overrides={**AUGMENTATION, **(augmentation or {})})
        super().__init__(
            img_path=[],
            imgsz=imgsz,
            cache=False,
            augment=True,
            hyp=hyp,
            batch_size=batch_size,
            data={"names": dict(enumerate(names)), "channels": 3},
            task="detect",
        )
        # a file beside an image is the user's own, never a cache of ours to read, renew or delete
        self.npy_files = [Path(f"{file}.no-cache") for file in self.im_files]

    def start_epoch(self, mosaic: bool = True, partners: Sequence[int] = ()) -> None:
        """Forget which images were seen, so that the mosaics of an epoch depend on its seed alone.

        `partners` are numbers of images that an epoch's first mosaics take in: they have no seen ones to take yet.
        Without `mosaic` the epoch shows whole images, each alone.
        """
        self.buffer[:] = partners[: max(0, self.max_buffer_length - 1)]
        self.ims = [None] * self.ni
        if mosaic != self._mosaic:
            self._mosaic = mosaic
            self.transforms = self.build_transforms(copy.copy(self._hyp))

    def build_transforms(self, hyp: Any) -> Any:
        self._hyp = copy.copy(hyp)
        if not self._mosaic:
            hyp.mosaic = hyp.mixup = hyp.cutmix = hyp.copy_paste = 0.0
        transforms = super().build_transforms(hyp)
        return on_board_canvas(transforms, self._side) if self._letterbox == "board" else transforms

    def get_img_files(self, img_path: Any) -> list[str]:
        return [str(image) for image, _, _ in self._images]

    def get_labels(self) -> list[dict[str, Any]]:
        labels: list[dict[str, Any]] = []
        for image, height, width in self._images:
            rows = read_labels(image, self._classes)
            labels.append(
                {
                    "im_file": str(image),
                    "shape": (height, width),
                    "cls": rows[:, 0:1],
                    "bboxes": rows[:, 1:],
                    "segments": [],
                    "keypoints": None,
                    "normalized": True,
                    "bbox_format": "xywh",
                }
            )
        if not any(len(label["cls"]) for label in labels):
            raise DataError(f"the training split has {len(labels)} images and not one labelled object")
        return labels


def targets_of(batch: dict[str, Any]) -> Any:
    """Rows [n, 6] of a collated batch: image index, class, cx, cy, w, h."""
    import torch

    return torch.cat((batch["batch_idx"].view(-1, 1), batch["cls"].view(-1, 1), batch["bboxes"]), 1).float()
