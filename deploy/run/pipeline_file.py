"""What the commands themselves need of a pipeline file; whether it is right, the engine that runs it judges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compute_mAP.class_names import name_fault
from compute_mAP.regular_file import read_bounded
from deploy.errors import ModelError
from deploy.locations import WRITERS, leads_out
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import read_labels

MAX_BYTES = 10 * 2**20
PULLS = "mxpi_rtspsrc"


class PipelineFile:
    """One pipeline file with one stream, run in `folder`, which its relative paths start from.

    Raises ModelError for a file that is missing, not JSON or does not hold exactly one stream.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        try:
            self._text = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
            self._streams = json.loads(self._text)
        except FileNotFoundError:
            raise ModelError(f"the pipeline {path} does not exist") from None
        except OSError as fault:
            raise ModelError(f"the pipeline {path} cannot be read: {fault.strerror}") from None
        except (ValueError, RecursionError) as fault:
            raise ModelError(f"the pipeline {path} is not JSON: {fault}") from None
        if not isinstance(self._streams, dict) or not all(isinstance(s, dict) for s in self._streams.values()):
            raise ModelError(f"{path}: expected a JSON object with one stream, itself an object of elements")
        if len(self._streams) != 1:
            raise ModelError(f"{path}: holds {len(self._streams)} streams; expected one")
        self.stream_name = next(iter(self._streams))
        self._changed = False

    @property
    def text(self) -> str:
        """The file as it stands, or as `set_thresholds` changed it."""
        return json.dumps(self._streams, indent=4) if self._changed else self._text

    @property
    def elements(self) -> dict[str, dict[str, Any]]:
        """The stream's elements by name, as `text` has them."""
        entries = self._streams[self.stream_name].items()
        return {name: entry for name, entry in entries if isinstance(entry, dict) and "factory" in entry}

    def missing_models(self) -> list[Path]:
        """The model files that the stream names and that are not there."""
        return [file for file in self.models() if not file.is_file()]

    def own_files(self) -> list[str]:
        """The names of the files in its folder that the stream's properties name: model, cfg and label files."""
        return sorted(file.name for file in self.files() if file.parent == self.folder)

    def files(self) -> list[Path]:
        """The files that the stream's properties name and that are there."""
        values = {value for props in self._all_props() for value in props.values() if isinstance(value, str)}
        return [self.folder / value for value in sorted(values) if value and _is_file(self.folder / value)]

    def writes_outside(self) -> tuple[str, str] | None:
        """The first element, and its location, that writes outside the folder in which the stream runs."""
        for name, element in self.elements.items():
            props = element.get("props")
            location = props.get("location") if isinstance(props, dict) else None
            if element["factory"] not in WRITERS or not isinstance(location, str) or not location:
                continue
            if leads_out(location) or not _stays(self.folder, location):
                return name, location
        return None

    def models(self) -> list[Path]:
        """The model files that the stream names, whether they are there or not."""
        return [self.folder / props["modelPath"] for props in self._props("modelPath")]

    def class_names(self) -> list[str]:
        """The classes in the order of their ids, from the one label file that the stream names.

        Raises ModelError where there is none or more than one, and for a name that is blank or comes twice.
        """
        paths = sorted({props["labelPath"] for props in self._props("labelPath")})
        if len(paths) != 1:
            raise ModelError(f"{self.path}: expected one labelPath with the class names; found {len(paths)}")
        file = self.folder / paths[0]
        names = read_labels(file)
        if fault := name_fault(names):
            raise ModelError(
                f"{file}: the name of class {fault[0]} {fault[1]}; expected one class name a line, each once"
            )
        if not names:
            raise ModelError(f"{file}: holds no class name")
        return names

    def pulls(self) -> bool:
        """Whether the stream pulls its video itself, so that nothing can be sent to it."""
        return any(element["factory"] == PULLS for element in self.elements.values())

    def set_video(self, address: str) -> None:
        """Let the element that pulls video do so from there. Raises ModelError where there is not one alone."""
        sources = [element for element in self.elements.values() if element["factory"] == PULLS]
        if len(sources) != 1:
            raise ModelError(f"{self.path}: has {len(sources)} {PULLS}; expected one, whose boxes are shown")
        props = sources[0].setdefault("props", {})
        if not isinstance(props, dict):
            raise ModelError(f"{self.path}: the props of {PULLS} are no object")
        props["rtspUrl"] = address
        self._changed = True

    def set_thresholds(self, conf: float | None, iou: float | None) -> None:
        """Give each post-processor its cfg as `postProcessConfigContent`, with other thresholds (None: unchanged).

        `conf` is for score and objectness alike; thresholds of single classes give way to it. The content means what
        the file means: the first definition of a key, and of its value what the SDK reads, the text up to a blank.

        Raises ModelError where no element has a cfg, or one cannot be read.
        """
        values = {"SCORE_THRESH": conf, "OBJECTNESS_THRESH": conf, "IOU_THRESH": iou}
        changes = {key: repr(value) for key, value in values.items() if value is not None}
        if not changes:
            return
        for props in self._post_processors():
            config = self._config(props)
            content = {key: config.string(key)[1] for key in config.texts if key.isascii() and key.isidentifier()}
            if conf is not None:
                content.pop("SEPARATE_SCORE_THRESH", None)
            props.pop("postProcessConfigPath", None)
            props["postProcessConfigContent"] = {**content, **changes}
            self._changed = True
        if not self._changed:
            raise ModelError(f"{self.path}: no element has a post-process configuration, so no threshold can be set")

    def _config(self, props: dict[str, Any]) -> KeyValues:
        content = props.get("postProcessConfigContent")
        if content:
            text = content if isinstance(content, str) else json.dumps(content)
            return KeyValues.from_json(text, f"{self.path}: postProcessConfigContent")
        return KeyValues.from_file(self.folder / props["postProcessConfigPath"])

    def _post_processors(self) -> Iterator[dict[str, Any]]:
        for props in self._all_props():
            if props.get("postProcessConfigContent") or isinstance(props.get("postProcessConfigPath"), str):
                yield props

    def _props(self, key: str) -> Iterator[dict[str, Any]]:
        return (props for props in self._all_props() if isinstance(props.get(key), str))

    def _all_props(self) -> Iterator[dict[str, Any]]:
        for element in self._streams[self.stream_name].values():
            if isinstance(element, dict) and isinstance(element.get("props"), dict):
                yield element["props"]


def _stays(folder: Path, location: str) -> bool:
    """Whether a location stays in the folder, links followed."""
    try:
        return (folder / location).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return True  # no file can have that name


def _is_file(path: Path) -> bool:
    """False too for what no file system takes as a name, such as a config that stands in the pipeline."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
