"""Finds the network for a model file. The backend that computes it is imported only when a model needs it."""

from __future__ import annotations

from pathlib import Path

from deploy.host import backend
from deploy.host.log import log
from deploy.host.model.network import Network
from deploy.host.numerics import EXACT
from deploy.sdk_codes import INIT_FAIL, INVALID_PARAM, NO_EXIST, SdkFault

DEPLOY_SUFFIX = "_deploy.onnx"
"""Beside NAME.onnx, NAME_deploy.onnx is the quantised graph that ATC converts."""


def open_network(model_path: str, half: bool, device: int = 0, int8: str = EXACT) -> Network:
    """The model of a pipeline's modelPath, computed by what holds for the stream (deploy.host.backend).

    `half`: an ONNX computes as one of float16, and where the graph that ATC converts lies beside the model, that one
    runs. `int8` is how a quantised one computes (deploy.host.numerics.INT8). `device` is the number of the chip that
    runs an OM.

    Raises SdkFault: 1004 for another kind of file, 1016 where there is none, 1020 for one that cannot be read, 1013
    where the backend is not installed.
    """
    path = Path(model_path)
    if path.suffix not in (".om", ".onnx"):
        raise SdkFault(INVALID_PARAM, f"modelPath is {path}; it names an .om file, beside which the .onnx lies")
    chosen, om = backend.current(), path.with_suffix(".om")
    if chosen == backend.ACL or (chosen == backend.ACL_IF_BUILT and om.is_file()):
        return _open_om(om, device)
    path = path.with_suffix(".onnx")
    if not path.is_file():
        raise SdkFault(NO_EXIST, f"there is no model {path}; the host engine runs the .onnx beside {model_path}")
    try:
        from deploy.host.model.onnx_network import OnnxNetwork
    except ImportError as fault:
        raise SdkFault(INIT_FAIL, f"{path} needs onnxruntime to run here ({fault}); pip install onnxruntime") from None

    deploy = path.with_name(path.stem + DEPLOY_SUFFIX)
    return OnnxNetwork(deploy if half and deploy.is_file() else path, half, int8)


def _open_om(path: Path, device: int) -> Network:
    if not path.is_file():
        raise SdkFault(NO_EXIST, f"there is no model {path}; build.sh makes it from the ONNX file of a bundle")
    from deploy.host.model.om_network import OmNetwork

    network = OmNetwork(path, device)
    log.info("%s runs on the chip, %s, by acl", path, network.soc)
    return network
