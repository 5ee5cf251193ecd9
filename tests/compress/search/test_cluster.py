"""search --ray: the same candidates, scores and winner as on one machine, also when a node dies in the middle."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import compress.search.cluster as cluster_module
from compress.cli import main
from compress.search.cluster import OnCluster
from compress.search.journal import read_journal
from compress.search.scorer import Scored
from compress.search.workers import Done

PATIENCE = 300.0
OPTIONS = ["--bn-batches", "4", "--held-out", "16", "--align", "4", "--delta", "0.05", "--remain-ratio", "0.6"]


@pytest.fixture
def words(known: Any, tmp_path: Path) -> list[str]:
    weights, data = (str(file) for file in (known.weights, known.data))
    return ["search", "--weights", weights, "--data", data, *OPTIONS, "--project", str(tmp_path / "runs")]


def told(journal: Path) -> list[tuple[Any, ...]]:
    entries = sorted(read_journal(journal)[1], key=lambda entry: entry.number)
    return [(entry.number, entry.widths, entry.map50, entry.map50_95, entry.fault) for entry in entries]


def stays_at(node: str, mark: Path) -> Any:
    """Scores as ever, but on one node: what is given to that one leaves a mark and waits for the node's end."""

    def score(box: list[Any], number: int, widths: dict[str, int]) -> Done:
        import ray

        from compress.search.cluster import _score

        if ray.get_runtime_context().get_node_id() == node:
            mark.touch()
            time.sleep(PATIENCE)
        return _score(box, number, widths)

    return score


class Deadly:
    """In place of a scorer: one candidate ends the process that scores it."""

    def on_cpu(self) -> Deadly:
        return self

    def on_device(self) -> Deadly:
        return self

    def __call__(self, widths: dict[str, int]) -> Scored:
        if widths["a"] == 0:
            os._exit(1)
        return Scored(widths["a"] / 10, 0.0)


def with_a_deadly_candidate(ray: Any) -> dict[int, Done]:
    """What becomes of two candidates, by their numbers, the first of which is deadly."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    workers = OnCluster(ray, Deadly(), 2)  # type: ignore[arg-type]
    for number in range(2):
        workers.submit(number, {"a": number})
    found = {done.number: done for done in (workers.next(), workers.next())}
    workers.close()
    return found


def test_a_node_and_a_process_die_and_nothing_is_lost(
    ray_cluster: Any,
    doomed_node: Any,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whose node dies is scored elsewhere. What kills its process is given up after the second one; the others have
    their scores. Both in one connection, whose processes import torch once."""
    runs = tmp_path / "runs"
    monkeypatch.setattr(cluster_module, "_score", stays_at(doomed_node.node_id, tmp_path / "at work"))
    sizes: list[int] = []
    lost: list[int] = []
    survived: list[dict[int, Done]] = []
    result, close = OnCluster._result, OnCluster.close

    def noted(self: OnCluster, task: Any, number: int) -> Done | None:
        found = result(self, task, number)
        if found is None:
            lost.append(number)
        return found

    def closed(self: OnCluster) -> None:
        sizes.append(self.size)
        close(self)
        with monkeypatch.context() as patch:
            patch.setattr(OnCluster, "_result", result)
            patch.setattr(OnCluster, "close", close)
            survived.append(with_a_deadly_candidate(self._ray))

    monkeypatch.setattr(OnCluster, "_result", noted)
    monkeypatch.setattr(OnCluster, "close", closed)

    def kill() -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not (tmp_path / "at work").exists():
            time.sleep(0.02)
        ray_cluster.remove_node(doomed_node, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    several = ["--candidates", "3", "--json"]
    assert main([*words, *several, "--name", "there", "--ray", ray_cluster.address]) == 0
    there = json.loads(capsys.readouterr().out)
    killer.join()
    assert sizes == [2] and len(lost) == 1
    ((dead, alive),) = ((found[0], found[1]) for found in survived)
    assert dead.scored is None and dead.fault == "2 workers died of it"
    assert alive.scored == Scored(0.1, 0.0)
    assert main([*words, *several, "--name", "here"]) == 0
    here = json.loads(capsys.readouterr().out)
    assert told(runs / "there" / "journal.jsonl") == told(runs / "here" / "journal.jsonl")
    assert {**there, **{key: here[key] for key in ("weights", "plan", "journal", "chart")}} == here
    for name in ("best.plan.json", "best.safetensors"):
        assert (Path(there["journal"]).parent / name).read_bytes() == (runs / "here" / name).read_bytes()


def test_without_ray(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*words, "--ray", "127.0.0.1:6379"]) == 5
    last = capsys.readouterr().err.splitlines()[-1]
    assert (
        last == "error: the Python package ray is missing, which --ray needs: pip install 'ascend-yolo-slim[cluster]'"
    )


def test_nobody_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert main([*words, "--ray", f"127.0.0.1:{port}"]) == 5
    assert f"error: --ray 127.0.0.1:{port}: nothing answers there within 10 s" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["auto", "here", "host:0", "host:99999", "http://host:1", ""])
def test_no_address(words: list[str], address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--ray", address]) == 2
    assert f"error: --ray is '{address}', expected HOST:PORT" in capsys.readouterr().err
