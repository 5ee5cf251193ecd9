"""mxpi_objectpostprocessor: the model's raw heads to boxes on the original picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np

from deploy.host.catalog import properties_of
from deploy.host.description import Element
from deploy.host.frame import Frame, Objects, Picture, Tensors
from deploy.host.plugins.base import OBJECTS, PICTURE, TENSORS, Plugin, log
from deploy.postprocess.config import KeyValues
from deploy.postprocess.labels import read_labels
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.yolo import check_shapes, decode
from deploy.postprocess.yolo_config import YoloConfig, read_yolo_config
from deploy.sdk_codes import INVALID_PARAM, METADATA_IS_NULL, UNREALIZED, SdkFault

LIBRARY = "libyolov3postprocess.so"  # the SDK's one library for YOLOv3, v4 and v5


class ObjectPostProcessor(Plugin):
    """Decodes YOLOv5's heads as the config says. As in the SDK, a picture without detections gets no metadata."""

    PROPERTIES: ClassVar = properties_of("mxpi_objectpostprocessor")
    produces = OBJECTS

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        library = PurePosixPath(self.values["postProcessLibPath"]).name
        if self.values["funcLanguage"] != "c++" or library != LIBRARY:
            found = f"postProcessLibPath {library or 'is not set'}"
            if self.values["funcLanguage"] != "c++":
                found = f"funcLanguage {self.values['funcLanguage']}"
            raise self.fault(UNREALIZED, f"{found}; the host engine runs {LIBRARY}, the SDK's library for YOLO")
        try:
            self._config = self._read_config()
            self._labels = read_labels(Path(self.values["labelPath"])) if self.values["labelPath"] else []
        except SdkFault as fault:
            raise self.fault(fault.code, fault.sentence) from None
        if len(self._labels) < self._config.class_num:
            log.warning(
                "%s: %d label(s) for CLASS_NUM=%d: the classes beyond have an empty name",
                self.name,
                len(self._labels),
                self._config.class_num,
            )

    def _read_config(self) -> YoloConfig:
        content, path = self.values["postProcessConfigContent"], self.values["postProcessConfigPath"]
        if content:
            text = content if isinstance(content, str) else json.dumps(content)
            return read_yolo_config(KeyValues.from_json(text, "postProcessConfigContent"))
        if path:
            return read_yolo_config(KeyValues.from_file(Path(path)))
        return read_yolo_config(KeyValues({}, "neither postProcessConfigPath nor postProcessConfigContent is set"))

    def connect(self, upstream: Sequence[Plugin], downstream: Sequence[Plugin]) -> None:
        tensors = self.source(upstream, TENSORS, "dataSource")
        self._source = tensors.name
        self._picture = ""
        if self.values["dataSourceResize"] not in ("", "auto"):
            self._picture = self.source(upstream, PICTURE, "dataSourceResize").name
        if tensors.output_shapes is not None:
            try:
                check_shapes(tensors.output_shapes, self._config)
            except SdkFault as fault:
                raise self.fault(fault.code, fault.sentence) from None

    def process(self, frame: Frame) -> None:
        packages = frame.tensors(self._source)
        pictures = frame.pictures(self._picture) if self._picture else [package.picture for package in packages]
        if len(pictures) != len(packages):
            raise self.fault(
                INVALID_PARAM, f"{self._picture} has {len(pictures)} picture(s), {self._source} {len(packages)}"
            )
        found = [self._decoded(package, picture) for package, picture in zip(packages, pictures)]
        detections = np.concatenate(found) if len(found) > 1 else found[0]
        if len(detections):
            known = len(self._labels)
            names = [self._labels[i] if i < known else "" for i in detections[:, 5].astype(int).tolist()]
            members = np.repeat(np.arange(len(found)), [len(rows) for rows in found]) if len(found) > 1 else None
            frame.metadata[self.name] = Objects(detections, names, self._source, members)

    def _decoded(self, package: Tensors, picture: Picture | None) -> np.ndarray:
        if picture is None:
            raise self.fault(
                METADATA_IS_NULL, f"{self._source} holds tensors without a picture; YOLO post-processing needs its size"
            )
        geometry = Geometry(
            picture.width,
            picture.height,
            picture.source_width,
            picture.source_height,
            picture.resize_type,
            picture.ratio,
        )
        return decode(package.outputs, self._config, geometry)
