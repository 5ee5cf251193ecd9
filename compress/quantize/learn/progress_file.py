"""Which blocks have learnt, in a file beside the bundle to be: the same command goes on with the next one."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from compress.quantize.arithmetic import Activation, QuantizedWeights
from compress.quantize.quantization import Quantization
from deploy.whole_file import write_whole


def progress_path(out: Path) -> Path:
    """The file for the bundle `out`."""
    return out.with_name(f".{out.name}.blocks.npz")


class ProgressFile:
    """The learnt part of a quantisation. What belongs to another model, other images or other settings is not read."""

    def __init__(self, out: Path, model: onnx.ModelProto, start: Quantization, images: Sequence[np.ndarray], how: str):
        self.path = progress_path(out)
        digest = hashlib.sha256(f"{how} {list(start.layers)}".encode())
        digest.update(model.SerializeToString(deterministic=True))
        for number in range(len(images)):
            digest.update(images[number].tobytes())
        for name, activation in sorted(start.activations.items()):
            digest.update(f"{name} {activation}".encode())
        for name in sorted(start.weights):
            digest.update(start.weights[name].weight.tobytes())
        self._key = digest.hexdigest()

    def read(self) -> tuple[dict[str, Activation], dict[str, QuantizedWeights]]:
        """What has been learnt so far; nothing where there is no such file or it is of something else."""
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                if about["key"] != self._key:
                    return {}, {}
                weights = {}
                for number, name in enumerate(about["layers"]):
                    bias = stored.get(f"{number}.bias")
                    weights[name] = QuantizedWeights(stored[f"{number}.weight"], stored[f"{number}.scale"], bias)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError):
            return {}, {}
        return {name: Activation(*pair) for name, pair in about["activations"].items()}, weights

    def write(self, activations: dict[str, Activation], weights: dict[str, QuantizedWeights]) -> None:
        """Whole or not at all. Raises OSError."""
        arrays: dict[str, np.ndarray] = {}
        for number, entry in enumerate(weights.values()):
            arrays[f"{number}.weight"], arrays[f"{number}.scale"] = entry.weight, entry.scale
            if entry.bias is not None:
                arrays[f"{number}.bias"] = entry.bias
        pairs = {name: [entry.scale, entry.offset] for name, entry in activations.items()}
        about = {"key": self._key, "layers": list(weights), "activations": pairs}
        stream = io.BytesIO()
        np.savez(stream, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        write_whole(self.path, stream.getvalue())
