"""mindx.sdk.base.post: the SDK's post-processors as classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deploy.host.post import libraries
from deploy.host.post.post_files import ClassNames, read_config
from deploy.host.sdk.mindx.sdk.base.enums import ResizeType
from deploy.host.sdk.mindx.sdk.base.faults import error, runtime_errors
from deploy.host.sdk.mindx.sdk.base.records import (
    ClassInfo,
    ObjectInfo,
    ResizedImageInfo,
    SemanticSegInfo,
    TextsInfo,
)
from deploy.host.sdk.mindx.sdk.base.tensor import Tensor
from deploy.postprocess.crnn import character_ids, read_crnn_config
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.resnet50 import classify, read_class_config
from deploy.sdk_codes import FAILURE, INVALID_PARAM

__all__ = [
    "CrnnPostProcess",
    "Deeplabv3Post",
    "FasterRcnnPostProcess",
    "Resnet50PostProcess",
    "SsdMobilenetFpnMindsporePost",
    "UNetMindSporePostProcess",
    "Yolov3PostProcess",
]


def _values(config_path: str, label_path: str, config_data: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "postProcessConfigPath": config_path,
        "postProcessConfigContent": dict(config_data) if config_data else "",
        "labelPath": label_path,
    }


def _images(tensors: Sequence[Tensor]) -> list[list[np.ndarray]]:
    """The outputs of each image of a batch."""
    arrays = [np.asarray(tensor) for tensor in tensors]
    counts = {array.shape[0] if array.ndim else 0 for array in arrays}
    if len(counts) != 1:
        raise error(INVALID_PARAM, f"the tensors are of {sorted(counts)} images")
    return [[array[number : number + 1] for array in arrays] for number in range(counts.pop())]


class _Objects:
    library: type[libraries.Yolo] | type[libraries.Ssd] | type[libraries.FasterRcnn]

    def __init__(
        self, config_path: str = "", label_path: str = "", config_data: Mapping[str, str] | None = None
    ) -> None:
        with runtime_errors():
            self._library = self.library(_values(config_path, label_path, config_data), type(self).__name__)

    def process(self, tensors: Sequence[Tensor], resize_infos: Sequence[ResizedImageInfo]) -> list[list[ObjectInfo]]:
        """The objects of each image; `resize_infos` has an entry for each."""
        images = _images(tensors)
        if len(resize_infos) != len(images):
            raise error(INVALID_PARAM, f"{len(resize_infos)} resize infos for {len(images)} image(s)")
        with runtime_errors():
            found = self._library(images, [_geometry(info) for info in resize_infos])
        return [[_object(row, name) for row, name in zip(rows.tolist(), names)] for rows, names in found]


class Yolov3PostProcess(_Objects):
    """YOLOv3, v4 and v5."""

    library = libraries.Yolo


class SsdMobilenetFpnMindsporePost(_Objects):
    """SSD MobileNet FPN of MindSpore."""

    library = libraries.Ssd


class FasterRcnnPostProcess(_Objects):
    """Faster R-CNN."""

    library = libraries.FasterRcnn


class Resnet50PostProcess:
    """Classification."""

    def __init__(
        self, config_path: str = "", label_path: str = "", config_data: Mapping[str, str] | None = None
    ) -> None:
        with runtime_errors():
            self._config = read_class_config(read_config(_values(config_path, label_path, config_data)))
            self._names = ClassNames(label_path, self._config.class_num, type(self).__name__)

    def process(self, tensors: Sequence[Tensor]) -> list[list[ClassInfo]]:
        """The best classes of each image."""
        with runtime_errors():
            found = [classify(outputs, self._config) for outputs in _images(tensors)]
        return [
            [ClassInfo(*entry) for entry in zip(ids.tolist(), confidences.tolist(), self._names.of(ids))]
            for ids, confidences in found
        ]


class CrnnPostProcess:
    """Texts."""

    def __init__(
        self, config_path: str = "", label_path: str = "", config_data: Mapping[str, str] | None = None
    ) -> None:
        with runtime_errors():
            self._config = read_crnn_config(read_config(_values(config_path, label_path, config_data)))
            self._names = ClassNames(label_path, self._config.class_num, type(self).__name__)

    def process(self, tensors: Sequence[Tensor]) -> list[TextsInfo]:
        """The text of each image."""
        with runtime_errors():
            return [
                TextsInfo(["".join(self._names.of(character_ids(outputs, self._config)))])
                for outputs in _images(tensors)
            ]


class _Masks:
    KIND: type[libraries.Deeplabv3] | type[libraries.Unet]

    def __init__(
        self, config_path: str = "", label_path: str = "", config_data: Mapping[str, str] | None = None
    ) -> None:
        with runtime_errors():
            self._post = self.KIND(_values(config_path, label_path, config_data), type(self).__name__)

    def process(self, tensors: Sequence[Tensor], resize_infos: Sequence[ResizedImageInfo]) -> list[SemanticSegInfo]:
        """The mask of each image."""
        images = _images(tensors)
        if len(resize_infos) != len(images):
            raise error(FAILURE, f"{len(resize_infos)} ResizedImageInfo for {len(images)} image(s)")
        with runtime_errors():
            found = self._post(images, [_geometry(info) for info in resize_infos])
        return [SemanticSegInfo(mask.tolist(), list(self._post.names)) for mask in found]


class Deeplabv3Post(_Masks):
    """Segmentation."""

    KIND = libraries.Deeplabv3


class UNetMindSporePostProcess(_Masks):
    """Segmentation."""

    KIND = libraries.Unet


def _object(row: Sequence[float], name: str) -> ObjectInfo:
    x0, y0, x1, y1, confidence, class_id = row
    return ObjectInfo(x0, y0, x1, y1, confidence, class_id, name)


def _geometry(info: ResizedImageInfo) -> Geometry:
    kind = info.resizeType.value if isinstance(info.resizeType, ResizeType) else int(info.resizeType)
    sizes = (info.widthResize, info.heightResize, info.widthOriginal, info.heightOriginal)
    return Geometry(*sizes, kind, info.keepAspectRatioScaling)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"the host engine has no mindx.sdk.base.post.{name}; it has {', '.join(__all__)}")
