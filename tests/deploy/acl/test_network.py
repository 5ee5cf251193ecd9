"""An OM on the stand-in of the chip: what it is fed, what comes out, and that everything is given back."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.acl.codes import AclFault
from deploy.acl.device import open_device
from deploy.host.model.om_network import OmNetwork
from deploy.sdk_codes import SdkFault
from tests.deploy import stand_in_atc
from tests.deploy.stand_in_atc import tensor


def write(folder: Path, inputs: Sequence[dict[str, Any]] = (), **changes: Any) -> Path:
    """A model whose outputs are the sum of its first input modulo 251."""
    header = {
        "soc": "Ascend310B4",
        "cann": [7, 0],
        "inputs": list(inputs) or [tensor("x", [4, 25])],
        "outputs": [tensor("y", [2, 5]), tensor("z", [3], 1)],
        **changes,
    }
    return stand_in_atc.write(folder / "model.om", header)


def test_outputs_come_as_float32_whatever_the_model_makes(acl: Any, tmp_path: Path) -> None:
    network = OmNetwork(write(tmp_path))
    assert [(port.name, str(port)) for port in network.outputs] == [("y", "float32 [2, 5]"), ("z", "float32 [3]")]
    first, second = network.run([np.full((4, 25), 2.0, np.float32)])
    assert first.tolist() == [[200.0] * 5] * 2 and second.tolist() == [200.0] * 3 and second.dtype == np.float32
    turned = np.ones((25, 4), np.float32).T  # an array that does not lie as it reads
    turned[0, 0] = 3.0
    assert network.run([turned])[1].tolist() == [102.0] * 3
    network.close()
    network.close()
    with pytest.raises(SdkFault, match="was closed"):
        network.run([turned])


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.zeros((4, 26), np.float32), id="too many"),
        pytest.param(np.zeros((4, 24), np.float32), id="too few"),
        pytest.param(np.zeros((4, 100), np.uint8), id="as many bytes of another type"),
    ],
)
def test_sizes_are_compared_exactly(acl: Any, tmp_path: Path, values: np.ndarray) -> None:
    network = OmNetwork(write(tmp_path))
    with pytest.raises(SdkFault, match=r"input x of .*model.om is float32 \[4, 25\]; .* comes in"):
        network.run([values])
    network.close()
    assert acl.S.notes == [] and "mdl.execute_async" not in acl.S.calls


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        pytest.param({"soc": "Ascend310B1"}, {}, "507008, the .om was made for another chip.*", id="another chip"),
        pytest.param({"soc": "Ascend310B1"}, {}, "build.sh BUNDLE --soc Ascend310B4", id="what to do about it"),
        pytest.param({"cann": [8, 0]}, {}, "145000, the .om is damaged, or made by a newer CANN", id="a newer CANN"),
        pytest.param({}, {"memory": 10}, "207001, the device's memory is exhausted", id="no room for buffers"),
        pytest.param({"inputs": [tensor("x", [-1, 25])]}, {}, r"x is \[\?, 25\]; convert it", id="dynamic"),
        pytest.param({"inputs": [{**tensor("x", [4]), "aipp_type": 2}]}, {}, "dynamic AIPP", id="dynamic AIPP"),
        pytest.param({"inputs": [{**tensor("x", [4]), "dims": [5]}]}, {}, "20 bytes, and says that", id="sizes"),
        pytest.param({}, {"devices": 0}, "107001, there is no device of that number", id="no device"),
        pytest.param({}, {"faults": [["rt.set_device", 1, 507033]]}, "507033, .*another process", id="taken"),
        pytest.param({}, {"faults": [["init", 1, 100003]]}, "acl cannot be initialised: acl.init", id="init fails"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_one_sentence_and_leaves_nothing(
    acl: Any, tmp_path: Path, change: dict[str, Any], settings: dict[str, Any], words: str
) -> None:
    acl.set_up(**settings)
    with pytest.raises(SdkFault, match=words) as fault:
        OmNetwork(write(tmp_path, **change))
    assert "\n" not in fault.value.sentence
    assert acl.alive() == []


@pytest.mark.parametrize(
    ("content", "code"), [pytest.param(b"", 145002, id="empty"), pytest.param(b"junk", 145006, id="no om")]
)
def test_files_that_are_no_om(acl: Any, tmp_path: Path, content: bytes, code: int) -> None:
    file = tmp_path / "model.om"
    file.write_bytes(content)
    with pytest.raises(AclFault, match=f"mdl.load_from_file answers with {code}"):
        OmNetwork(file)
    file.write_bytes(write(tmp_path).read_bytes()[:-1])
    with pytest.raises(AclFault, match="answers with 145006"):
        OmNetwork(file)


STEPS = (
    *("rt.create_context", "rt.create_stream", "mdl.create_desc", "mdl.load_from_file", "mdl.get_desc"),
    *("mdl.get_aipp_type", "mdl.get_input_dims", "mdl.get_output_dims", "rt.malloc", "mdl.create_dataset"),
    *("create_data_buffer", "mdl.add_dataset_buffer"),
)


@pytest.mark.parametrize("step", STEPS)
def test_whichever_step_fails_everything_is_given_back(acl: Any, tmp_path: Path, step: str) -> None:
    path = write(tmp_path)
    for number in (1, 2) if step in ("rt.malloc", "create_data_buffer", "mdl.create_dataset") else (1,):
        acl.inject(step, number, 500001)
        with pytest.raises(SdkFault, match=step):
            OmNetwork(path)
        assert acl.alive() == []


@pytest.mark.parametrize(
    ("step", "code", "lost"),
    [
        pytest.param("rt.synchronize_stream", 507014, True, id="an AI core hangs"),
        pytest.param("rt.synchronize_stream", 507899, True, id="the driver goes"),
        pytest.param("mdl.execute_async", 507011, True, id="the model cannot be executed"),
        pytest.param("mdl.execute_async", 500002, False, id="the graph engine refuses this one"),
        pytest.param("rt.memcpy", 107000, False, id="a copy fails"),
    ],
)
def test_faults_of_a_run(acl: Any, tmp_path: Path, step: str, code: int, lost: bool) -> None:
    network, values = OmNetwork(write(tmp_path)), [np.ones((4, 25), np.float32)]
    acl.inject(step, 1, code)
    with pytest.raises(AclFault, match=f"cannot be run: acl.{step} answers with {code}, ") as fault:
        network.run(values)
    assert fault.value.lost is lost
    if lost:
        with pytest.raises(AclFault, match=str(code)):
            network.run(values)
    else:
        assert network.run(values)[0][0, 0] == 100.0
    network.close()


def at_once(number: int, work: Callable[[], Any]) -> list[Any]:
    found: list[Any] = []

    def one() -> None:
        try:
            found.append(work())
        except Exception as fault:
            found.append(fault)

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_threads_overlap_each_with_a_copy(acl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.host.model.om_network._cores", lambda: 3)
    network = OmNetwork(write(tmp_path, sleep_us=100_000))
    values = [np.ones((4, 25), np.float32)]
    start = time.perf_counter()
    found = at_once(6, lambda: network.run(values)[0][0, 0])
    seconds = time.perf_counter() - start
    assert found == [100.0] * 6
    assert acl.S.calls["mdl.load_from_file"] == 3
    assert 0.19 < seconds < 0.5  # two rounds of three; one after another it were 0.6
    network.close()


def test_without_room_for_copies_threads_wait(acl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.host.model.om_network._cores", lambda: 3)
    acl.set_up(memory=500)  # the buffers of one copy
    network = OmNetwork(write(tmp_path, sleep_us=5000))
    assert at_once(6, lambda: network.run([np.ones((4, 25), np.float32)])[0][0, 0]) == [100.0] * 6
    network.close()


def test_close_waits_for_what_runs(acl: Any, tmp_path: Path) -> None:
    network = OmNetwork(write(tmp_path, sleep_us=200_000))
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(network.run([np.ones((4, 25), np.float32)])[0][0, 0]))
    thread.start()
    time.sleep(0.05)
    network.close()
    thread.join()
    assert found == [100.0]


def test_one_who_has_initialised_acl_keeps_it(acl: Any, tmp_path: Path) -> None:
    from deploy.acl.device import give_back

    assert acl.init() == 0
    OmNetwork(write(tmp_path)).close()
    give_back()
    assert acl.S.initialised and acl.alive() == []
    assert acl.finalize() == 0


def test_two_networks_share_the_device(acl: Any, tmp_path: Path) -> None:
    path = write(tmp_path)
    first, second = OmNetwork(path), OmNetwork(path)
    assert acl.S.calls["rt.set_device"] == acl.S.calls["init"] == 1
    first.close()
    assert second.run([np.ones((4, 25), np.float32)])[0][0, 0] == 100.0
    second.close()
    device = open_device()
    assert acl.S.calls["init"] == 1  # once a process
    device.close()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        pytest.param(None, "acl cannot be imported|there is no module acl", id="no acl"),
        pytest.param(object(), "is not CANN's", id="another acl"),
    ],
)
def test_without_the_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: Any, words: str) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "acl", module)
    with pytest.raises(SdkFault, match=words):
        OmNetwork(write(tmp_path))
