"""The SDK's C++ post-processors that the host engine has built in, by the name of their library.

An app's own library is compiled for the board: `refusal` says what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

import numpy as np

from deploy.host.post.post_files import ClassNames, read_config
from deploy.postprocess.faster_rcnn import check_faster_rcnn_shapes, decode_faster_rcnn, read_faster_rcnn_config
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.segmentation.deeplabv3 import check_deeplabv3_shapes, decode_deeplabv3, read_deeplabv3_config
from deploy.postprocess.segmentation.unet import check_unet_shapes, decode_unet, read_unet_config
from deploy.postprocess.ssd_fpn import check_ssd_shapes, decode_ssd, read_ssd_config
from deploy.postprocess.yolo import check_shapes, decode
from deploy.postprocess.yolo_config import read_yolo_config
from deploy.sdk_codes import FAILURE, NO_EXIST, UNREALIZED, SdkFault

Found = list[tuple[np.ndarray, list[str]]]


class ObjectLibrary(Protocol):
    """A decoder of detections with its config and labels."""

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        """Raises SdkFault for outputs that it cannot decode."""

    def __call__(self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]) -> Found:
        """For each image the detections float32 [n, 6] = x0 y0 x1 y1 confidence class, and their class names."""


def _known(geometry: Geometry | None) -> Geometry:
    if geometry is None:
        raise SdkFault(FAILURE, "the tensors come without an image; this post-processing needs its size")
    return geometry


class Yolo:
    """libyolov3postprocess.so, the SDK's one library for YOLOv3, v4 and v5."""

    def __init__(self, values: Mapping[str, Any], element: str) -> None:
        self._config = read_yolo_config(read_config(values))
        self._names = ClassNames(values["labelPath"], self._config.class_num, element)

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        check_shapes(shapes, self._config)

    def __call__(self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]) -> Found:
        found = [decode(outputs, self._config, _known(geometry)) for outputs, geometry in zip(images, geometries)]
        return [(rows, self._names.of(rows[:, 5])) for rows in found]


class Ssd:
    """libSsdMobilenetFpn_MindsporePost.so."""

    def __init__(self, values: Mapping[str, Any], element: str) -> None:
        self._config = read_ssd_config(read_config(values))
        self._names = ClassNames(values["labelPath"], self._config.class_num, element)

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        check_ssd_shapes(shapes, self._config)

    def __call__(self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]) -> Found:
        found = [decode_ssd(outputs, self._config, _known(geometry)) for outputs, geometry in zip(images, geometries)]
        return [(rows, self._names.of(rows[:, 5])) for rows in found]


class FasterRcnn:
    """libfasterrcnnpostprocess.so."""

    def __init__(self, values: Mapping[str, Any], element: str) -> None:
        self._config = read_faster_rcnn_config(read_config(values))
        self._names = ClassNames(values["labelPath"], self._config.class_num, element)

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        check_faster_rcnn_shapes(shapes, self._config)

    def __call__(self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]) -> Found:
        found = [decode_faster_rcnn(outputs, self._config, geometry) for outputs, geometry in zip(images, geometries)]
        return [(rows, self._names.of(rows[:, 5])) for rows in found]


class MaskLibrary(Protocol):
    """A decoder of segmentation with its config and labels."""

    names: list[str]

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        """Raises SdkFault for outputs that it cannot decode."""

    def __call__(
        self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]
    ) -> list[np.ndarray]:
        """For each image the class of each pixel, int [height, width]."""


class Deeplabv3:
    """libdeeplabv3post.so: one image a buffer, since it compares how many there are with how many outputs."""

    def __init__(self, values: Mapping[str, Any], element: str) -> None:
        self._config = read_deeplabv3_config(read_config(values))
        self.names = ClassNames(values["labelPath"], self._config.class_num, element).first(self._config.class_num)

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        check_deeplabv3_shapes(shapes, self._config)

    def __call__(
        self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]
    ) -> list[np.ndarray]:
        if len(images) != 1:
            raise SdkFault(FAILURE, f"{len(images)} images come in; this post-processing takes one a buffer")
        return [decode_deeplabv3(images[0], self._config, _known(geometries[0]))]


class Unet:
    """libunetmindsporepostprocess.so."""

    def __init__(self, values: Mapping[str, Any], element: str) -> None:
        self._config = read_unet_config(read_config(values))
        self.names = ClassNames(values["labelPath"], self._config.class_num, element).first(self._config.class_num)

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        check_unet_shapes(shapes, self._config)

    def __call__(
        self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]
    ) -> list[np.ndarray]:
        return [decode_unet(outputs, self._config, _known(place)) for outputs, place in zip(images, geometries)]


YOLO = "libyolov3postprocess.so"
OBJECTS: dict[str, type[Yolo] | type[Ssd] | type[FasterRcnn]] = {
    YOLO: Yolo,
    "libSsdMobilenetFpn_MindsporePost.so": Ssd,
    "libfasterrcnnpostprocess.so": FasterRcnn,
}
CLASSES = "libresnet50postprocess.so"
TEXTS = "libcrnnpostprocess.so"
MASKS: dict[str, type[Deeplabv3] | type[Unet]] = {
    "libdeeplabv3post.so": Deeplabv3,
    "libunetmindsporepostprocess.so": Unet,
}


def library_name(values: Mapping[str, Any]) -> str:
    """The file name of postProcessLibPath. Raises SdkFault 1016 where it is not set."""
    name = PurePosixPath(values["postProcessLibPath"]).name
    if not name:
        raise SdkFault(NO_EXIST, "postProcessLibPath is not set; it names the post-processor's library")
    return name


def refusal(name: str, factory: str, known: Sequence[str]) -> SdkFault:
    """What to say of a library that is not built in."""
    return SdkFault(
        UNREALIZED,
        f"postProcessLibPath {name} is a C++ library, compiled for the board, which a host cannot run; the host engine "
        f"runs {', '.join(known)} in {factory}; for another one write a Python class, named by funcLanguage python, "
        "pythonModule, className and its folder as postProcessLibPath, or take the raw tensors of the model "
        "(docs/scripts.md)",
    )
