"""The files of a post-processor that a pipeline names: its config and its class names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deploy.host.log import log
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import read_labels


def read_config(values: Mapping[str, Any]) -> KeyValues:
    """What postProcessConfigContent or else postProcessConfigPath says; empty where neither is set.

    Raises SdkFault with the code of the SDK's reader.
    """
    content = content_text(values)
    if content:
        return KeyValues.from_json(content, "postProcessConfigContent")
    if values["postProcessConfigPath"]:
        return KeyValues.from_file(Path(values["postProcessConfigPath"]))
    return KeyValues({}, "neither postProcessConfigPath nor postProcessConfigContent is set")


def content_text(values: Mapping[str, Any]) -> str:
    """postProcessConfigContent as text; empty where it is not set."""
    content = values["postProcessConfigContent"]
    return content if isinstance(content, str) else json.dumps(content)


class ClassNames:
    """Names by class id; a class beyond the label file has an empty name, of which the log speaks once."""

    def __init__(self, label_path: str, class_num: int, element: str) -> None:
        self._names = read_labels(Path(label_path)) if label_path else []
        if len(self._names) < class_num:
            log.warning(
                "%s: %d label(s) for CLASS_NUM=%d: the classes beyond have an empty name",
                element,
                len(self._names),
                class_num,
            )

    def first(self, count: int) -> list[str]:
        """The names of the classes 0 to count - 1."""
        return self.of(np.arange(count))

    def of(self, classes: np.ndarray) -> list[str]:
        """The names of class ids, an array of any number type [n]."""
        known = len(self._names)
        return [self._names[i] if i < known else "" for i in classes.astype(int).tolist()]
