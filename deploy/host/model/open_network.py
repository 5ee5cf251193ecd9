"""Finds the network for a model file. The backend that computes it is imported only when a model needs it."""

from __future__ import annotations

from pathlib import Path

from deploy.host.model.network import Network
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, SdkFault


def open_network(model_path: str, half: bool) -> Network:
    """The model of a pipeline's modelPath; `half` computes as one of float16.

    Raises SdkFault: 1004 for another kind of file, 1016 where there is none, 1020 for one that cannot be read.
    """
    path = Path(model_path)
    if path.suffix not in (".om", ".onnx"):
        raise SdkFault(INVALID_PARAM, f"modelPath is {path}; it names an .om file, beside which the .onnx lies")
    path = path.with_suffix(".onnx")
    if not path.is_file():
        raise SdkFault(NO_EXIST, f"there is no model {path}; the host engine runs the .onnx beside {model_path}")
    from deploy.host.model.onnx_network import OnnxNetwork

    return OnnxNetwork(path, half)
