"""The stand-in of acl is as strict as its job: every misuse of the real module that is known is caught."""

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.deploy import stand_in_atc
from tests.deploy.stand_in_atc import tensor

TWO = {"soc": "Ascend310B4", "cann": [7, 0], "inputs": [tensor("x", [4, 25])], "outputs": [tensor("y", [10])]}


class Program:
    """A program that does it right, step by step; a test does one thing wrong."""

    def __init__(self, acl: Any, om: Path) -> None:
        self.acl, self.om = acl, om
        acl.init()
        acl.rt.set_device(0)
        self.context, _ = acl.rt.create_context(0)
        self.stream, _ = acl.rt.create_stream()
        self.model, code = acl.mdl.load_from_file(str(om))
        assert code == 0
        self.desc = acl.mdl.create_desc()
        assert acl.mdl.get_desc(self.desc, self.model) == 0
        self.inputs, self.source = self.buffer(acl.mdl.get_input_size_by_index(self.desc, 0))
        self.outputs, self.target = self.buffer(acl.mdl.get_output_size_by_index(self.desc, 0))

    def buffer(self, size: int, place: int = 0) -> tuple[int, int]:
        if not place:
            place, code = self.acl.rt.malloc(size, 0)
            assert code == 0
        dataset = self.acl.mdl.create_dataset()
        assert self.acl.mdl.add_dataset_buffer(dataset, self.acl.create_data_buffer(place, size)) == (dataset, 0)
        return dataset, place

    def copy_in(self, values: np.ndarray) -> int:
        return int(self.acl.rt.memcpy(self.source, values.nbytes, int(values.ctypes.data), values.nbytes, 1))

    def result(self) -> np.ndarray:
        values = np.empty(10, np.float32)
        assert self.acl.rt.memcpy(int(values.ctypes.data), 40, self.target, 40, 2) == 0
        return values


@pytest.fixture
def free_acl(acl: Any) -> Any:
    """The stand-in, without the demand that nothing is left."""
    yield acl
    acl.set_up()


@pytest.fixture
def program(free_acl: Any, tmp_path: Path) -> Program:
    return Program(free_acl, stand_in_atc.write(tmp_path / "model.om", TWO))


def test_a_program_that_does_it_right(program: Program) -> None:
    acl = program.acl
    ones = np.ones((4, 25), np.float32)
    assert program.copy_in(ones) == 0
    assert acl.mdl.execute(program.model, program.inputs, program.outputs) == 0
    assert program.result().tolist() == [100.0] * 10
    assert acl.mdl.execute_async(program.model, program.inputs, program.outputs, program.stream) == 0
    assert np.isnan(program.result()).all()  # nothing is there before the wait
    assert acl.rt.synchronize_stream(program.stream) == 0
    assert program.result().tolist() == [100.0] * 10
    for dataset, place in ((program.inputs, program.source), (program.outputs, program.target)):
        assert acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(dataset, 0)) == 0
        assert acl.mdl.destroy_dataset(dataset) == 0
        assert acl.rt.free(place) == 0
    codes = [acl.mdl.unload(program.model), acl.mdl.destroy_desc(program.desc), acl.rt.destroy_stream(program.stream)]
    codes += [acl.rt.destroy_context(program.context), acl.rt.reset_device(0), acl.finalize()]
    assert codes == [0] * 6 and acl.misuses == []


def in_thread(function: Callable[[], Any]) -> Any:
    """What a function returns or raises in a thread of its own."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(function())
        except Exception as fault:
            found.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def _execute(p: Program, **changes: int) -> int:
    return int(p.acl.mdl.execute(p.model, changes.get("inputs", p.inputs), changes.get("outputs", p.outputs)))


def _while_running(p: Program, wrong: Callable[[], Any]) -> Any:
    assert p.acl.mdl.execute_async(p.model, p.inputs, p.outputs, p.stream) == 0
    return wrong()


def _changed_input(p: Program) -> Any:
    p.acl.mdl.execute_async(p.model, p.inputs, p.outputs, p.stream)
    p.copy_in(np.ones((4, 25), np.float32))
    return p.acl.rt.synchronize_stream(p.stream)


def _unloaded(p: Program) -> Any:
    return _while_running(p, lambda: p.acl.mdl.unload(p.model))


def _stream_destroyed(p: Program) -> Any:
    return _while_running(p, lambda: p.acl.rt.destroy_stream(p.stream))


def _other_context(p: Program) -> int:
    p.acl.rt.create_context(0)
    return _execute(p)


def _short_lived(p: Program) -> int:
    return int(p.acl.rt.memcpy(p.source, 400, p.acl.util.bytes_to_ptr(np.zeros(100, np.float32).tobytes()), 400, 1))


def _freed(p: Program) -> int:
    place, _ = p.acl.rt.malloc(64, 0)
    p.acl.rt.free(place)
    return int(p.acl.rt.free(place))


def _destroyed(p: Program) -> Any:
    p.acl.mdl.destroy_dataset(p.inputs)
    return _execute(p)


def _unloaded_elsewhere(p: Program) -> Any:
    p.acl.rt.create_context(0)
    return p.acl.mdl.unload(p.model)


def _forked(p: Program) -> Any:
    p.acl.S.process += 1  # as if this were another process
    return p.acl.rt.malloc(8, 0)


def _freed_below(p: Program) -> Any:
    place, _ = p.acl.rt.malloc(400, 0)
    dataset = p.acl.mdl.create_dataset()
    p.acl.rt.free(place)
    p.acl.mdl.add_dataset_buffer(dataset, p.acl.create_data_buffer(place, 400))
    return _execute(p, inputs=dataset)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param(lambda p: p.acl.finalize(), "finalize with", id="the end with handles, memory and models left"),
        pytest.param(lambda p: p.acl.rt.reset_device(0), "is reset with", id="a device given back with all in it"),
        pytest.param(lambda p: p.acl.rt.destroy_context(p.context), "with a stream", id="a context with streams in it"),
        pytest.param(lambda p: p.acl.mdl.get_desc(p.model, p.desc), "description first", id="get_desc the wrong way"),
        pytest.param(lambda p: p.acl.mdl.destroy_dataset(p.stream), "is used as a", id="a handle of another kind"),
        pytest.param(lambda p: p.acl.mdl.destroy_dataset(12345), "is no handle", id="no handle at all"),
        pytest.param(_destroyed, "was destroyed", id="a handle after its end"),
        pytest.param(_freed, "freed", id="memory freed twice"),
        pytest.param(lambda p: p.acl.rt.free(p.source), "points to it", id="memory freed under a data buffer"),
        pytest.param(lambda p: p.acl.rt.free_host(p.source), "another kind", id="device memory freed as host memory"),
        pytest.param(lambda p: p.acl.rt.memcpy(p.source, 4000, p.source, 4000, 3), "beyond", id="a copy beyond memory"),
        pytest.param(_short_lived, "nobody holds", id="bytes that are gone before the copy"),
        pytest.param(_other_context, "another context", id="a model executed in another context"),
        pytest.param(lambda p: _while_running(p, lambda: _execute(p)), "twice", id="a model executed twice at once"),
        pytest.param(_unloaded, "unloaded while", id="a model unloaded while it runs"),
        pytest.param(_stream_destroyed, "work in it", id="a stream with work in it"),
        pytest.param(_changed_input, "was changed", id="an input changed before the wait"),
        pytest.param(_unloaded_elsewhere, "unloaded in another context", id="a model unloaded in another context"),
        pytest.param(_forked, "forked after init", id="another process with what this one has opened"),
        pytest.param(_freed_below, "not the device's", id="a data buffer on memory that was freed"),
        pytest.param(lambda p: _execute(p, inputs=p.buffer(800, p.source)[0]), "beyond", id="a buffer beyond memory"),
        pytest.param(
            lambda p: p.acl.mdl.get_num_inputs(p.acl.mdl.create_desc()), "before mdl.get_desc", id="an empty desc"
        ),
    ],
)  # fmt: skip
def test_misuse_raises_and_is_remembered(program: Program, wrong: Callable[[Program], Any], words: str) -> None:
    with pytest.raises(program.acl.Misuse, match=words):
        wrong(program)
    assert words in program.acl.misuses[-1]


def test_two_threads_in_one_model(program: Program) -> None:
    def other() -> int:
        program.acl.rt.set_context(program.context)
        return _execute(program)

    with pytest.raises(program.acl.Misuse, match="twice"):
        _while_running(program, lambda: in_thread(other))


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda p: p.acl.init(), 100002, id="initialised twice"),
        pytest.param(lambda p: p.acl.rt.set_device(3), 107001, id="a device that is not there"),
        pytest.param(lambda p: p.acl.rt.malloc(0, 0)[1], 100000, id="no memory"),
        pytest.param(lambda p: p.acl.rt.memcpy(p.source, 400, p.source, 400, 4), 100000, id="an unknown kind of copy"),
        pytest.param(lambda p: p.acl.rt.memcpy(p.source, 8, p.source, 16, 3), 107000, id="more than there is room for"),
        pytest.param(lambda p: p.acl.rt.memcpy(p.source, 8, p.source, 0, 3), 0, id="a copy of nothing"),
        pytest.param(lambda p: p.acl.mdl.unload(77), 145003, id="an unknown model"),
        pytest.param(lambda p: p.acl.mdl.load_from_file("/none.om")[1], 145002, id="no om"),
        pytest.param(lambda p: in_thread(lambda: p.acl.rt.malloc(8, 0)[1]), 107002, id="memory without a context"),
        pytest.param(lambda p: in_thread(lambda: p.acl.mdl.load_from_file(str(p.om))[1]), 107002, id="load too"),
        pytest.param(lambda p: in_thread(lambda: _execute(p)), 107002, id="execute without one"),
        pytest.param(lambda p: p.acl.mdl.get_input_dims(p.desc, 5), ({}, 100000), id="no such input"),
        pytest.param(lambda p: p.acl.mdl.get_input_size_by_index(p.desc, 5), 0, id="the size of no such input"),
        pytest.param(lambda p: p.acl.mdl.get_first_aipp_info(p.model, 0), (None, 145015), id="no AIPP"),
        pytest.param(lambda p: p.acl.mdl.get_aipp_type(p.model, 0), (0, 0xFFFFFFFF, 0), id="AIPP of no kind"),
        pytest.param(lambda p: _execute(p, inputs=p.acl.mdl.create_dataset()), 500002, id="too few buffers"),
        pytest.param(lambda p: _execute(p, inputs=p.buffer(400 - 65)[0]), 500002, id="65 bytes too few"),
        pytest.param(lambda p: _execute(p, inputs=p.buffer(400 - 64)[0]), 0, id="64 bytes too few run"),
        pytest.param(lambda p: _execute(p, inputs=p.buffer(4000)[0]), 0, id="too many bytes run"),
        pytest.param(lambda p: p.acl.rt.destroy_context(p.acl.S.default[0]), 107002, id="the default context"),
        pytest.param(lambda p: p.acl.create_data_buffer(0, 0) != 0, True, id="creation gives a handle alone"),
        pytest.param(lambda p: p.acl.rt.free(0), 100000, id="free of nothing"),
        pytest.param(lambda p: p.acl.rt.get_run_mode(), (0, 0), id="a board"),
        pytest.param(lambda p: p.acl.rt.reset_device(5), 507007, id="a device that was not set"),
        pytest.param(lambda p: p.acl.rt.set_context(0), 100000, id="no context"),
        pytest.param(lambda p: p.acl.rt.memcpy(0, 8, p.source, 8, 3), 100000, id="a copy to nowhere"),
        pytest.param(lambda p: _execute(p, inputs=0), 100000, id="no dataset"),
        pytest.param(lambda p: p.acl.mdl.get_dataset_buffer(p.inputs, 7), 0, id="no such buffer"),
        pytest.param(lambda p: in_thread(lambda: p.acl.rt.synchronize_stream(p.stream)), 107002, id="wait without one"),
    ],
)  # fmt: skip
def test_answers_are_those_of_the_real_one(program: Program, call: Callable[[Program], Any], code: Any) -> None:
    assert call(program) == code


def test_sizes_can_be_made_to_raise(program: Program) -> None:
    program.acl.S.settings["wrong_sizes_raise"] = True
    with pytest.raises(program.acl.Misuse, match="4000 bytes, it has 400"):
        _execute(program, inputs=program.buffer(4000)[0])


def test_streams_of_another_context(program: Program) -> None:
    acl = program.acl
    acl.rt.create_context(0)
    assert acl.rt.synchronize_stream(program.stream) == 107003
    assert acl.rt.destroy_stream(program.stream) == 107003


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda a: a.rt.malloc(np.int64(8), 0), "acl.rt.malloc args parse failed$", id="a size of numpy"),
        pytest.param(lambda a: a.rt.malloc(8.0, 0), "args parse failed$", id="a size that is a float"),
        pytest.param(lambda a: a.rt.malloc(8), "args parse failed$", id="too few arguments"),
        pytest.param(lambda a: a.rt.malloc(size=8, policy=0), "keyword", id="keywords"),
        pytest.param(lambda a: a.mdl.load_from_file(b"x.om"), "acl.mdl.load_from_file args parse failed!", id="bytes"),
        pytest.param(lambda a: a.mdl.load_from_file(Path("x.om")), "parse failed!", id="a Path"),
        pytest.param(lambda a: a.rt.set_context(None), "args parse failed$", id="None"),
    ],
)  # fmt: skip
def test_arguments_are_parsed_as_in_c(program: Program, call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call(program.acl)
    assert program.acl.rt.set_device(np.int32(0)) == 0  # an id may be numpy's


@pytest.mark.parametrize("end", [pytest.param(False, id="before init"), pytest.param(True, id="after finalize")])
def test_nothing_goes_outside_init_and_finalize(free_acl: Any, end: bool) -> None:
    if end:
        free_acl.init()
        free_acl.finalize()
        assert free_acl.finalize() == 100037
    with pytest.raises(free_acl.Misuse, match="after finalize" if end else "before init"):
        free_acl.rt.set_device(0)
    assert free_acl.get_soc_name() == "Ascend310B4"  # the one question that may be asked


def test_a_card_in_a_server_tells_memory_apart(program: Program) -> None:
    acl, values = program.acl, np.zeros(100, np.float32)
    acl.S.settings["run_mode"] = 1
    with pytest.raises(acl.Misuse, match="memcpy of kind 2 from host to device"):
        acl.rt.memcpy(program.source, 400, int(values.ctypes.data), 400, 2)
    host, _ = acl.rt.malloc_host(400)
    with pytest.raises(acl.Misuse, match="points to host memory"):
        _execute(program, inputs=program.buffer(400, host)[0])


def test_faults_come_on_demand(program: Program) -> None:
    acl = program.acl
    acl.inject("rt.malloc", 2, 207001)
    assert [acl.rt.malloc(8, 0)[1] for _ in range(3)] == [0, 207001, 0]
    acl.inject("mdl.create_desc", 1, 1)
    assert acl.mdl.create_desc() == 0
    acl.mdl.execute_async(program.model, program.inputs, program.outputs, program.stream)
    acl.inject("rt.synchronize_stream", 1, 507014)
    assert acl.rt.synchronize_stream(program.stream) == 507014


@pytest.mark.parametrize(
    ("way", "together"),
    [pytest.param("execute", 0.2, id="execute holds the lock"), pytest.param("async", 0.1, id="the wait does not")],
)
def test_the_interpreter_lock(free_acl: Any, tmp_path: Path, way: str, together: float) -> None:
    """Two models of 0.1 s in two threads, one after the other or at the same time."""
    om = stand_in_atc.write(tmp_path / "model.om", {**TWO, "sleep_us": 100_000})
    first = Program(free_acl, om)
    model, _ = free_acl.mdl.load_from_file(str(om))
    stream, _ = free_acl.rt.create_stream()
    inputs, outputs = first.buffer(400)[0], first.buffer(40)[0]
    sets = [(first.model, first.inputs, first.outputs, first.stream), (model, inputs, outputs, stream)]

    def work(model: int, inputs: int, outputs: int, stream: int) -> None:
        free_acl.rt.set_context(first.context)
        if way == "execute":
            free_acl.mdl.execute(model, inputs, outputs)
        else:
            free_acl.mdl.execute_async(model, inputs, outputs, stream)
            free_acl.rt.synchronize_stream(stream)

    threads = [threading.Thread(target=work, args=one) for one in sets]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together <= time.perf_counter() - start < together + 0.09


def test_variants(free_acl: Any) -> None:
    free_acl.set_up(has_bytes_to_ptr=False)
    with pytest.raises(AttributeError):
        free_acl.util.bytes_to_ptr(b"x")
    free_acl.set_up()
    data = b"kept"
    assert ctypes.string_at(free_acl.util.bytes_to_ptr(data), 4) == data
    with pytest.raises(ValueError):
        free_acl.util.bytes_to_ptr(bytearray(b"x"))
