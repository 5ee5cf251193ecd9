"""What this project's post-processors in Python share: the SDK's interface around a config and a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import read_labels
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.sdk_objects import object_info_class


class PythonPostProcess:
    """The constructor and the `process` of the SDK's Python post-processors, around a config and a decoder."""

    def __init__(
        self, config_path: str = "", label_path: str = "", config_data: Mapping[str, str] | None = None
    ) -> None:
        values = KeyValues.from_file(Path(config_path)) if not config_data else KeyValues(dict(config_data), "config")
        self.config = self.read(values)
        self.labels = read_labels(Path(label_path)) if label_path else []
        self._object_info = object_info_class()

    def read(self, values: KeyValues) -> Any:
        """What the configuration says, for `decoded`. Raises SdkFault."""
        raise NotImplementedError

    def decoded(self, tensors: Sequence[np.ndarray], geometry: Geometry) -> np.ndarray:
        """Boxes of one image, float32 [n, 6] = x0 y0 x1 y1 confidence class, in pixels of the original image."""
        raise NotImplementedError

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        """What the host engine asks when the stream is created. Raises SdkFault 1004."""
        raise NotImplementedError

    def process(self, tensors: Sequence[Any], params: Sequence[Any]) -> list[list[Any]]:
        """The detections of each image. tensors: [images, channels, h, w] each; params: a ResizedImageInfo each."""
        for tensor in tensors:
            if hasattr(tensor, "to_host"):
                tensor.to_host()
        arrays = [np.asarray(tensor, np.float32) for tensor in tensors]
        infos = params if isinstance(params, Sequence) else [params]
        return [self._objects([array[i : i + 1] for array in arrays], info) for i, info in enumerate(infos)]

    def _objects(self, tensors: Sequence[np.ndarray], info: Any) -> list[Any]:
        geometry = Geometry(
            info.widthResize,
            info.heightResize,
            info.widthOriginal,
            info.heightOriginal,
            int(info.resizeType),
            info.keepAspectRatioScaling,
        )
        objects = []
        for row in self.decoded(tensors, geometry).tolist():
            found = self._object_info()
            found.x0, found.y0, found.x1, found.y1, found.confidence, found.classId = row
            class_id = int(row[5])
            found.className = self.labels[class_id] if class_id < len(self.labels) else ""
            objects.append(found)
        return objects
