"""Post-processors written in Python, as mxpi_objectpostprocessor's `funcLanguage python` names them.

The class `className` of module `pythonModule`, looked for in the folder `postProcessLibPath` and on Python's path, is
created with the keywords `config_path` (or `config_data`, a dict) and `label_path`; its `process(tensors, params)`
takes the model's outputs for all images of a buffer and a ResizedImageInfo for each, and returns a list of ObjectInfo
for each. That is how the SDK documents its own Python post-processors (mindx.sdk.base.post) and the properties; that
its plugin calls a user's class in just this way is inferred, for the plugin's published source keeps these properties
and calls a C++ library nevertheless.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deploy.host.log import log
from deploy.host.post.post_files import content_text
from deploy.postprocess.mapping import Geometry
from deploy.postprocess.sdk_objects import ResizedImageInfo, Tensor
from deploy.sdk_codes import FAILURE, INIT_FAIL, INVALID_PARAM, NO_EXIST, SdkFault
from deploy.wording import did_you_mean


class PythonPostProcessor:
    """Raises SdkFault: 1016 no such folder, module or class, 1013 a property not set, 1001 what the class raises."""

    def __init__(self, values: Mapping[str, Any], element: str) -> None:
        for key, code in (("pythonModule", INIT_FAIL), ("className", INIT_FAIL), ("postProcessLibPath", NO_EXIST)):
            if not values[key]:
                raise SdkFault(code, f"funcLanguage python needs {key}, which is not set")
        self._where = f"{values['pythonModule']}.{values['className']}"
        kind = _load(values["postProcessLibPath"], values["pythonModule"], values["className"])
        log.info("%s: runs %s from %s", element, self._where, getattr(sys.modules[kind.__module__], "__file__", "?"))
        self._instance = self._call(kind, **_arguments(values))
        if not callable(getattr(self._instance, "process", None)):
            raise SdkFault(NO_EXIST, f"{self._where} has no method process(tensors, params)")

    def check_shapes(self, shapes: Sequence[Sequence[int]]) -> None:
        """Ask a class that has a method `check_shapes` whether it takes these outputs. Raises SdkFault."""
        check = getattr(self._instance, "check_shapes", None)
        if callable(check):
            self._call(check, shapes)

    def __call__(
        self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]
    ) -> list[tuple[np.ndarray, list[str]]]:
        """For each image the detections float32 [n, 6] and their class names."""
        return [self._rows(objects) for objects in self._of_images(images, geometries)]

    def masks(
        self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]
    ) -> list[tuple[np.ndarray, list[str]]]:
        """For each image the class of each pixel, int [height, width], and the names of the classes."""
        return [self._mask(info) for info in self._of_images(images, geometries)]

    def _of_images(self, images: Sequence[Sequence[np.ndarray]], geometries: Sequence[Geometry | None]) -> list[Any]:
        infos = [_info(geometry) for geometry in geometries if geometry is not None]
        found = self._call(self._instance.process, _tensors(images), infos)
        if not isinstance(found, (list, tuple)) or len(found) != len(geometries):
            raise SdkFault(
                FAILURE, f"{self._where}.process returned {_described(found)}; it returns one list for each image"
            )
        return list(found)

    def _mask(self, info: Any) -> tuple[np.ndarray, list[str]]:
        try:
            mask = np.asarray(info.pixels)
            names = [str(name) for name in info.labelMap]
        except (AttributeError, TypeError, ValueError) as error:
            raise SdkFault(FAILURE, f"{self._where}.process returned something else than masks: {error}") from None
        if mask.ndim != 2 or mask.dtype.kind not in "iub":
            raise SdkFault(
                FAILURE, f"{self._where}.process returned {mask.dtype} {list(mask.shape)}; pixels are whole, in rows"
            )
        return mask.astype(np.int64), names

    def results(self, images: Sequence[Sequence[np.ndarray]]) -> list[Any]:
        """What process(tensors) returns, an entry an image: classes and texts need nothing of the images."""
        found = self._call(self._instance.process, _tensors(images))
        if not isinstance(found, (list, tuple)) or len(found) != len(images):
            raise SdkFault(FAILURE, f"{self._where}.process returned {_described(found)}; expected one for each image")
        return list(found)

    def numbers(self, items: Any, attribute: str, kind: type) -> list[Any]:
        """That attribute of each of the items. Raises SdkFault 1001 where it is no such number."""
        try:
            return [kind(getattr(item, attribute)) for item in items]
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise SdkFault(FAILURE, f"{self._where}.process returned something else than classes: {error}") from None

    def _rows(self, objects: Any) -> tuple[np.ndarray, list[str]]:
        try:
            rows = [(o.x0, o.y0, o.x1, o.y1, o.confidence, o.classId) for o in objects]
            names = [str(o.className) for o in objects]
            return np.array(rows, np.float32).reshape(-1, 6), names
        except (AttributeError, TypeError, ValueError) as error:
            raise SdkFault(FAILURE, f"{self._where}.process returned something else than objects: {error}") from None

    def _call(self, function: Any, *args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except SdkFault:
            raise
        except Exception as error:  # it is somebody else's code
            raise SdkFault(FAILURE, f"{self._where} raised {type(error).__name__}: {error}") from None


def _tensors(images: Sequence[Sequence[np.ndarray]]) -> list[Tensor]:
    return [Tensor(batch[0] if len(batch) == 1 else np.concatenate(batch)) for batch in zip(*images)]


def _load(folder: str, module: str, name: str) -> type:
    if not Path(folder).is_dir():
        raise SdkFault(NO_EXIST, f"postProcessLibPath is {folder}, which is no folder with Python modules")
    path = str(Path(folder).resolve())
    if path not in sys.path:
        sys.path.append(path)
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SdkFault(NO_EXIST, f"pythonModule {module} is not in {path} or on Python's path: {error}") from None
    except Exception as error:  # it is somebody else's code
        raise SdkFault(FAILURE, f"pythonModule {module} raised {type(error).__name__}: {error}") from None
    kind = getattr(loaded, name, None)
    if not isinstance(kind, type):
        classes = [key for key, value in vars(loaded).items() if isinstance(value, type)]
        raise SdkFault(NO_EXIST, f"pythonModule {module} has no class {name}{did_you_mean(name, classes)}")
    return kind


def _arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {"label_path": values["labelPath"]}
    content = content_text(values)
    if content:
        try:
            arguments["config_data"] = json.loads(content)
        except ValueError as error:
            raise SdkFault(INVALID_PARAM, f"postProcessConfigContent is not JSON: {error}") from None
    else:
        arguments["config_path"] = values["postProcessConfigPath"]
    return arguments


def _info(geometry: Geometry) -> ResizedImageInfo:
    return ResizedImageInfo(
        geometry.net_width,
        geometry.net_height,
        geometry.source_width,
        geometry.source_height,
        geometry.resize_type,
        geometry.ratio,
    )


def _described(value: Any) -> str:
    return f"{len(value)} lists" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}"
