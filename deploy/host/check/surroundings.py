"""The files around a pipeline: what it names, read once, and noted down to be checked themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from compute_mAP.regular_file import read_bounded
from deploy.aipp.read import parse_aipp
from deploy.errors import ModelError
from deploy.host.check.kinds import AIPP, CONFIG, LABELS
from deploy.postprocess.key_values import KeyValues
from deploy.postprocess.labels import parse_labels
from deploy.sdk_codes import SdkFault
from deploy.wire.onnx_graph import OnnxGraph, read_onnx_graph

AIPP_FILE = "aipp.cfg"
MAX_BYTES = 64 * 2**20  # of a file; none of these kinds is larger


@dataclass
class Surroundings:
    """Files as they are seen from `folder`, in which the stream is to run. `sdk` is the version asked for, or None.

    `followed` are the files that pipelines name, by (path, kind, reader of a config or None), with what they hold, and
    `graphs` the ONNX files read, which pipelines may share.
    """

    folder: Path
    sdk: str | None = None
    followed: dict[tuple[Path, str, str | None], bytes] = field(default_factory=dict)
    graphs: dict[Path, OnnxGraph | None] = field(default_factory=dict)

    def config(self, name: str, reader: str) -> KeyValues | None:
        """A post-processor's config, None where it cannot be read."""
        data = self._data(name, CONFIG, reader)
        try:
            return None if data is None else KeyValues.from_text(data, name)
        except SdkFault:
            return None

    def labels(self, name: str) -> list[str] | None:
        data = self._data(name, LABELS, None)
        try:
            return None if data is None else parse_labels(data.decode("utf-8"))
        except UnicodeDecodeError:
            return None

    def aipp(self, model: str) -> tuple[str, dict[str, str | float]] | None:
        """Name and values of the AIPP file beside a model, None where there is none or it cannot be read."""
        name = Path(model).with_name(AIPP_FILE).as_posix() if Path(model).name else AIPP_FILE
        data = self._data(name, AIPP, None)
        try:
            return None if data is None else (name, parse_aipp(data, name))
        except SdkFault:
            return None

    def graph(self, model: str) -> OnnxGraph | None:
        """The ONNX file beside a model, None where there is none or it cannot be read."""
        path = self.folder / model
        path = path.with_suffix(".onnx") if path.name else path
        if path not in self.graphs:
            self.graphs[path] = _graph(path)
        return self.graphs[path]

    def _data(self, name: str, kind: str, reader: str | None) -> bytes | None:
        path = self.folder / name
        try:
            data = read_bounded(path, MAX_BYTES)
        except OSError:
            return None
        self.followed.setdefault((path, kind, reader), data)
        return data


def _graph(path: Path) -> OnnxGraph | None:
    try:
        return read_onnx_graph(path) if path.is_file() else None
    except (ModelError, OSError, RecursionError):
        return None
