"""A connection to a Ray cluster, on which this very code runs. Ray is imported where a cluster is asked for only."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from deploy.errors import EnvironmentFault, UsageError

ANSWERS_WITHIN = 10.0
"""Seconds that a cluster's port is given to answer."""
CONNECTS_WITHIN = 90.0
"""Seconds that Ray is given to connect."""
_ADDRESS = re.compile(r"(?:ray://)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")


@contextmanager
def cluster(address: str | None, packages: Sequence[ModuleType]) -> Iterator[Any]:
    """Connect to the cluster at HOST:PORT or ray://HOST:PORT; gives the module `ray`, and leaves it afterwards.
    Without an address it gives None.

    What runs there finds `packages` as they are here; everything that these need must be installed on the nodes.
    Raises UsageError for an address that is none, EnvironmentFault where Ray is not installed or no cluster answers in
    time, each with one sentence.
    """
    if address is None:
        yield None
        return
    check_address(address)
    try:
        import ray
    except ModuleNotFoundError:
        raise EnvironmentFault(
            "the Python package ray is missing, which --ray needs: pip install 'ascend-yolo-slim[cluster]'"
        ) from None
    if ray.is_initialized():
        raise UsageError("--ray: this process is connected to a Ray cluster already; call ray.shutdown() before")
    _knock(address)
    with redirect_stdout(sys.stderr):  # where Ray prints what happens to nodes, among the answers of --json
        _connect(ray, address, [str(Path(str(package.__file__)).parent) for package in packages])
        try:
            yield ray
        finally:
            ray.shutdown()


def check_address(address: str) -> None:
    """Raise UsageError for an address that is none of a cluster."""
    if not (found := _ADDRESS.fullmatch(address)) or not 0 < int(found[3]) < 65536:
        raise UsageError(f"--ray is '{address}', expected HOST:PORT or ray://HOST:PORT, such as 192.168.1.2:6379")


def _knock(address: str) -> None:
    """Ray itself waits for minutes for a host that is not there."""
    found = _ADDRESS.fullmatch(address)
    assert found, "the address was checked"
    try:
        socket.create_connection((found[1] or found[2], int(found[3])), ANSWERS_WITHIN).close()
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise EnvironmentFault(
            f"--ray {address}: nothing answers there within {ANSWERS_WITHIN:g} s ({reason})"
        ) from None


def _connect(ray: ModuleType, address: str, packages: list[str]) -> None:
    """In a thread of its own, because something that is no Ray can keep it waiting without end."""
    faults: list[BaseException] = []

    def connect() -> None:
        environment = {"py_modules": packages, "excludes": ["**/__pycache__"]}
        try:
            ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
        except BaseException as fault:  # reported below, in the thread that waits
            faults.append(fault)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECTS_WITHIN)
    if thread.is_alive():
        raise EnvironmentFault(f"--ray {address}: what is there is no Ray cluster, or none that answers within "
                               f"{CONNECTS_WITHIN:g} s")  # fmt: skip
    if faults:
        reason = (str(faults[0]).strip().splitlines() or [type(faults[0]).__name__])[0][:300]
        raise EnvironmentFault(f"--ray {address}: cannot connect ({reason})")
