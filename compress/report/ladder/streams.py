"""What a bundle's own pipeline makes of images on the host: raw outputs of its model, and boxes."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from compress.quantize.network_input import input_stream
from compress.report.ladder.rung import Seen
from deploy.bundle import DESCRIPTION, MODEL, Bundle
from deploy.errors import DataError
from deploy.results.detections import Detection
from deploy.run.images import read_image
from deploy.run.session import open_stream
from deploy.run.target import Target
from deploy.run.tensor_stream import TensorStream


def streamed(bundle: Bundle, numerics: str, files: Sequence[Path]) -> Seen:
    """Raw outputs and boxes of the images, on the host engine with "float" or "board" numerics.

    Raises DataError for an image that the stream does not take, ModelError for a pipeline that is no chain.
    """
    with TensorStream(bundle, numerics) as stream:
        outputs = [_sent(stream, file) for file in files]
    return Seen(outputs, boxes_of(bundle.folder, numerics, files))


def network_inputs(bundle: Bundle, files: Sequence[Path]) -> list[np.ndarray]:
    """The network's input for each image in float numerics, float32 [1, 3, H, W]. Raises what `streamed` raises."""
    with input_stream(bundle, "float") as stream:
        return [_sent(stream, file)[0] for file in files]


def _sent(stream: TensorStream, file: Path) -> list[np.ndarray]:
    try:
        return stream(read_image(file.parent, file.stem))
    except DataError as fault:
        raise DataError(f"{file}: {fault}") from None


def boxes_of(folder: Path, numerics: str, files: Sequence[Path]) -> dict[str, list[Detection]]:
    """The boxes of each image, by its name without suffix, through eval.pipeline. Raises DataError where one fails."""
    found = {}
    images = [file.absolute() for file in files]
    with open_stream(Target(folder, on="host", numerics=numerics), "eval") as (stream, _):
        for file in images:
            number = stream.send(read_image(file.parent, file.stem))
            if number < 0:
                raise DataError(f"{file}: {stream.refusal()}")
            outcome = stream.receive(number)
            if outcome.fault:
                raise DataError(f"{file}: {outcome.fault}")
            found[file.stem] = outcome.objects
    return found


@contextmanager
def with_model(bundle: Bundle, content: bytes) -> Iterator[Path]:
    """A copy of the bundle's folder with another ONNX model in it, as long as the block lasts."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundle"
        folder.mkdir()
        files = {name: digest for name, digest in bundle.description["files"].items() if name != MODEL}
        for name in files:
            shutil.copyfile(bundle.folder / name, folder / name)
        (folder / MODEL).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        description = {**bundle.description, "files": {**files, MODEL: digest}}
        (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
        yield folder
