"""What all tests share: the folder of reference material beside the project, where it is present, a cluster, and what
makes the suite as a whole shorter."""

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytest_plugins = ["tests.in_memory", "tests.read_by_halves"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material (real data, real weights, golden vectors); the test is skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the reference material is not there: no folder {folder}")
    return folder


NODE = {"num_cpus": 1, "object_store_memory": 100 * 1024 * 1024}


@pytest.fixture(scope="session")
def ray_head() -> Iterator[Any]:
    """A Ray cluster of a node with a core on this machine, without what only shows its state; tests are skipped where
    Ray is not installed."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: pip install '.[cluster]'")
    bare = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # else they wait for all other tests
        patch.setenv("RAY_prestart_worker_first_driver", "0")  # it would have none of the packages that are brought
        patch.setenv("RAY_health_check_period_ms", "200")
        patch.setenv("RAY_health_check_failure_threshold", "3")
        # which otherwise waits beside the head for somebody who asks for statistics of usage
        patch.setattr("ray._private.node.Node.start_api_server", lambda *_, **__: None, raising=False)
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={**NODE, **bare})
        yield cluster
        cluster.shutdown()


@pytest.fixture
def ray_cluster(ray_head: Any) -> Any:
    """A Ray cluster of two nodes, the head and another one."""
    if len(ray_head.list_all_nodes()) < 2:
        ray_head.add_node(**NODE)
    return ray_head


@pytest.fixture
def doomed_node(ray_cluster: Any) -> Any:
    """The other node of the cluster, which the test ends; such a test comes last, for the next would need a new one."""
    (node,) = ray_cluster.worker_nodes
    return node


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests come first, else one process would end long after the others; those with a cluster, those with
    processes forked off a server, and those with the flow of a nano model are next to one another, so that one process
    makes it."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("long") is None,
            "ray_cluster" not in item.fixturenames,  # type: ignore[attr-defined]
            "doomed_node" in item.fixturenames,  # type: ignore[attr-defined]
            not _forks(item.module),  # type: ignore[attr-defined]
            "nano_flow" not in item.fixturenames,  # type: ignore[attr-defined]
        )
    )


@cache
def _forks(module: ModuleType) -> bool:
    """Does a module of tests use tests/compress/processes.py?"""
    return any(getattr(value, "__module__", "") == "tests.compress.processes" for value in vars(module).values())


def pytest_collection_finish() -> None:
    """What was imported stays: no collection of garbage looks at it again. And garbage is looked for less often, which
    is a twentieth of the time where networks are built and traced."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    atexit.register(gc.unfreeze)  # else libraries say that they leak


# The modules that are collected, and those of the programs that tests start, are compiled once and not every time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
