"""A stand-in for CANN's Python module `acl`, stricter than the real one: misuse that the real one lets pass or dies of
raises Misuse here, and is remembered in `misuses`.

It is loaded as a module named `acl`, or copied to acl.py for another process. Arguments, returned values and numbers
are those of pyACL: handles are ints, a function that makes one returns it alone, arguments are parsed by C formats.
Memory is real memory with tags; a model is a file of tests/deploy/stand_in_atc.py, computed by onnxruntime behind an
imitation of AIPP that shares no code with the project's.

`set_up(**settings)` starts anew; the variable ACL_STAND_IN has the settings as JSON for another process.
"""

import atexit
import bisect
import ctypes
import itertools
import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np

MAGIC = b"STAND-IN-OM\0"
_WITH_GIL, _WITHOUT_GIL = ctypes.PyDLL(None), ctypes.CDLL(None)
_TYPES = {0: "<f4", 1: "<f2", 2: "i1", 3: "<i4", 4: "u1", 6: "<i2", 7: "<u2", 8: "<u4", 9: "<i8", 10: "<u8", 11: "<f8"}
DEFAULTS = {
    "soc": "Ascend310B4",
    "cann": [7, 0],
    "devices": 1,
    "run_mode": 0,  # 0 a board, 1 a card in a server
    "has_bytes_to_ptr": True,
    "wrong_sizes_raise": False,
    "faults": [],  # [function, n, code]: its n-th call from now returns the code; n 0: every call
    "memory": 1 << 40,  # bytes that malloc and models may take together
}


class Misuse(Exception):
    """What no program may do, whatever the real module answers."""


class State:
    def __init__(self, settings):
        self.settings = {**DEFAULTS, **settings}
        self.process = os.getpid()
        self.initialised = self.ever = False
        self.counted = {}  # device: how often it was set
        self.default = {}  # device: its default context
        self.handles = {}
        self.dead = {}
        self.numbers = itertools.count(1)
        self.models = itertools.count(1)
        self.memory, self.addresses = {}, []
        self.taken = 0
        self.running = self.most_at_once = 0
        self.lent = {}
        self.calls = {}
        self.faults = [list(fault) for fault in self.settings["faults"]]
        self.misuses, self.notes = [], []
        self.lock = threading.RLock()
        self.thread = threading.local()


S = State({})
misuses = S.misuses


def set_up(**settings):
    global S, misuses
    S = State(settings)
    misuses = S.misuses


def inject(function, number, code):
    """The n-th call from now of a function, such as "rt.malloc", does nothing and returns that code; 0: every one."""
    S.faults.append([function, number and S.calls.get(function, 0) + number, code])


def alive():
    """What has not been given back, as words."""
    found = [f"{entry.kind} {number:#x}" for number, entry in S.handles.items() if entry.kind != "default context"]
    found += [f"{block.tag} memory of {block.size} bytes" for block in S.memory.values()]
    found += [f"device {number}" for number, count in S.counted.items() if count]
    return found


def _misuse(sentence):
    S.misuses.append(sentence)
    return Misuse(sentence)


# --- arguments -----------------------------------------------------------------------------------------------------


def _parsed(name, form, arguments, keywords):
    ends = "!" if name.startswith("mdl.") else ""
    failed = TypeError(f"acl.{name} args parse failed{ends}")
    if keywords:
        raise TypeError(f"acl.{name}() takes no keyword arguments")
    if form == "":
        return ()  # functions without arguments ignore any
    least = form.index("|") if "|" in form else len(form)
    form = form.replace("|", "")
    if not least <= len(arguments) <= len(form):
        raise failed
    found = []
    for kind, value in zip(form, arguments):
        if kind == "s":
            if type(value) is not str or "\0" in value:
                raise failed
        elif kind == "k":
            if type(value) not in (int, bool):
                raise failed
            value &= (1 << 64) - 1
        elif kind in "iI":
            if not hasattr(value, "__index__"):
                raise failed
            value = value.__index__()
            if kind == "i" and not -(1 << 31) <= value < 1 << 31:
                raise OverflowError("signed integer is greater than maximum")
            value &= (1 << 32) - 1
        found.append(value)
    return found


def _injected(name):
    with S.lock:
        S.calls[name] = count = S.calls.get(name, 0) + 1
        return next((fault[2] for fault in S.faults if fault[0] == name and fault[1] in (0, count)), 0)


def _call(name, form="", failing=lambda code: code, early=False):
    """A function of the module. `failing` makes what it returns of an injected code."""

    def wrap(function):
        def called(*arguments, **keywords):
            values = _parsed(name, form, arguments, keywords)
            code = _injected(name)
            if code and name != "rt.synchronize_stream":
                return failing(code)
            if S.initialised and os.getpid() != S.process:
                raise _misuse(f"acl.{name} in a process that was forked after init")
            if not early and not S.initialised:
                raise _misuse(f"acl.{name} {'after finalize' if S.ever else 'before init'}")
            return function(*values) if name != "rt.synchronize_stream" else function(*values, code)

        called.__name__ = name
        spaces = {"rt": rt, "mdl": mdl, "util": util}
        space, _, own = name.rpartition(".")
        if space:
            setattr(spaces[space], own, called)
        else:
            globals()[own] = called
        return function

    return wrap


rt, mdl, util = SimpleNamespace(), SimpleNamespace(), SimpleNamespace()


def pair(code):
    return 0, code


# --- handles and memory --------------------------------------------------------------------------------------------


def _handle(kind, **values):
    number = 0x7F4200000000 + 64 * next(S.numbers)
    S.handles[number] = SimpleNamespace(kind=kind, number=number, **values)
    return number


def _of(number, *kinds):
    """What a handle stands for; None for 0."""
    if number == 0:
        return None
    entry = S.handles.get(number)
    if entry is None:
        kind = S.dead.get(number)
        raise _misuse(f"a {kind} that was destroyed is used" if kind else f"{number:#x} is no handle")
    if entry.kind not in kinds:
        raise _misuse(f"a {entry.kind} is used as a {kinds[0]}")
    return entry


def _destroy(number):
    S.dead[number] = S.handles.pop(number).kind


class Block:
    def __init__(self, size, tag):
        self.size, self.tag = size, tag
        self.bytes = ctypes.create_string_buffer(size)
        self.address = ctypes.addressof(self.bytes)


def _block(address):
    index = bisect.bisect_right(S.addresses, address) - 1
    if index < 0:
        return None
    block = S.memory[S.addresses[index]]
    return block if address < block.address + block.size else None


def _take(size, tag):
    if not _current():
        return 0, 107002
    if size == 0:
        return 0, 100000
    if S.taken + size > S.settings["memory"]:
        return 0, 207001 if tag == "device" else 200000
    S.taken += size
    block = Block(size, tag)
    S.memory[block.address] = block
    bisect.insort(S.addresses, block.address)
    return block.address, 0


def _give_back(address, tag):
    if address == 0:
        return 100000
    block = S.memory.get(address)
    if block is None or block.tag != tag:
        raise _misuse(f"{'another kind of memory' if block else 'memory that is none (any more)'} is freed as {tag}")
    if any(entry.kind == "data buffer" and entry.address == address for entry in S.handles.values()):
        raise _misuse("memory is freed while a data buffer points to it")
    S.taken -= block.size
    del S.memory[address]
    S.addresses.remove(address)
    return 0


# --- acl -----------------------------------------------------------------------------------------------------------


@_call("init", "|s", early=True)
def _init(config=""):
    if S.initialised:
        return 100002
    if config and not Path(config).is_file():
        return 100003
    S.initialised = S.ever = True
    return 0


@_call("finalize", early=True)
def _finalize():
    if not S.initialised:
        if not S.ever:
            raise _misuse("acl.finalize before init")
        return 100037
    if alive():
        raise _misuse(f"acl.finalize with {', '.join(alive())}")
    S.initialised = False
    return 0


@_call("get_soc_name", early=True)
def _soc_name():
    return S.settings["soc"] or None


@_call("get_version", early=True)
def _version():
    return (1, 0, 0, 0)


@_call("get_recent_err_msg", early=True)
def _recent():
    return S.settings.get("message", "")


@_call("create_data_buffer", "kk", lambda code: 0)
def _create_data_buffer(address, size):
    return _handle("data buffer", address=address, size=size)


@_call("destroy_data_buffer", "k")
def _destroy_data_buffer(number):
    if _of(number, "data buffer") is None:
        return 100000
    _destroy(number)
    return 0


@_call("get_data_buffer_addr", "k")
def _buffer_address(number):
    entry = _of(number, "data buffer")
    return entry.address if entry else 0


@_call("get_data_buffer_size", "k")
def _buffer_size(number):
    entry = _of(number, "data buffer")
    return entry.size & 0xFFFFFFFF if entry else 0


# --- acl.rt --------------------------------------------------------------------------------------------------------


def _current():
    number = getattr(S.thread, "context", 0)
    return number if number in S.handles else 0


@_call("rt.get_device_count", "", pair)
def _device_count():
    return S.settings["devices"], 0


@_call("rt.get_run_mode", "", pair)
def _run_mode():
    return S.settings["run_mode"], 0


@_call("rt.set_device", "i")
def _set_device(number):
    if not 0 <= number < S.settings["devices"]:
        return 107001
    S.counted[number] = S.counted.get(number, 0) + 1
    if number not in S.default:
        S.default[number] = _handle("default context", device=number)
    S.thread.context = S.default[number]
    return 0


@_call("rt.reset_device", "i")
def _reset_device(number):
    if not S.counted.get(number):
        return 507007
    S.counted[number] -= 1
    if S.counted[number] == 0:
        left = [words for words in alive() if not words.startswith("device ")]
        if left:
            raise _misuse(f"device {number} is reset with {', '.join(left)}")
        _destroy(S.default.pop(number))
    return 0


@_call("rt.create_context", "i", pair)
def _create_context(device):
    if not 0 <= device < S.settings["devices"]:
        return 0, 107001
    S.thread.context = number = _handle("context", device=device)
    return number, 0


@_call("rt.set_context", "k")
def _set_context(number):
    if _of(number, "context", "default context") is None:
        return 100000
    S.thread.context = number
    return 0


@_call("rt.get_context", "", pair)
def _get_context():
    return (_current(), 0) if _current() else (0, 107002)


@_call("rt.destroy_context", "k")
def _destroy_context(number):
    entry = _of(number, "context", "default context")
    if entry is None:
        return 100000
    if entry.kind == "default context":
        return 107002
    if any(other.kind in ("stream", "model") and other.context == number for other in S.handles.values()):
        raise _misuse("a context is destroyed with a stream or a model in it")
    _destroy(number)
    return 0


@_call("rt.create_stream", "", pair)
def _create_stream():
    if not _current():
        return 0, 107002
    return _handle("stream", context=_current(), tasks=[]), 0


@_call("rt.destroy_stream", "k")
def _destroy_stream(number):
    stream = _of(number, "stream")
    if stream is None:
        return 100000
    if stream.context != _current():
        return 107003 if _current() else 107002
    if stream.tasks:
        raise _misuse("a stream is destroyed with work in it")
    _destroy(number)
    return 0


@_call("rt.synchronize_stream", "k")
def _synchronize_stream(number, injected=0):
    stream = _of(number, "stream")
    if not _current():
        return 107002
    if stream is None:
        return 0
    if stream.context != _current():
        return 107003
    while stream.tasks:
        stream.tasks.pop(0)(injected)
    return injected


@_call("rt.malloc", "kI", pair)
def _malloc(size, policy):
    if policy not in (0, 1, 2, 3, 4, 5):
        return 0, 100000
    with S.lock:
        return _take(size, "device")


@_call("rt.malloc_host", "k", pair)
def _malloc_host(size):
    with S.lock:
        return _take(size, "host")


@_call("rt.free", "k")
def _free(address):
    with S.lock:
        return _give_back(address, "device")


@_call("rt.free_host", "k")
def _free_host(address):
    with S.lock:
        return _give_back(address, "host")


@_call("rt.memcpy", "kkkkI")
def _memcpy(target, most, source, count, kind):
    if not _current():
        return 107002
    if kind > 3 or 0 in (target, source):
        return 100000
    if count == 0:
        return 0
    if count > most:
        return 107000
    with S.lock:
        tags = []
        for address, size in ((source, count), (target, most)):
            block = _block(address)
            if block and address + size > block.address + block.size:
                raise _misuse("memcpy reaches beyond an allocation")
            tags.append("device" if block and block.tag == "device" else "host")
            lent = S.lent.get(address)
            if lent is not None and sys.getrefcount(lent) <= 3:  # the table's, the local's and the argument's
                raise _misuse("memcpy from bytes that nobody holds any more")
        said = (("host", "host"), ("host", "device"), ("device", "host"), ("device", "device"))[kind]
        if S.settings["run_mode"] == 1 and tuple(tags) != said:
            raise _misuse(f"memcpy of kind {kind} from {tags[0]} to {tags[1]} memory")
        if kind == 0 and "device" in tags:
            raise _misuse("memcpy from host to host of device memory")
    ctypes.memmove(target, source, count)
    return 0


# --- acl.util ------------------------------------------------------------------------------------------------------


@_call("util.bytes_to_ptr", "O", early=True)
def _bytes_to_ptr(data):
    if not S.settings["has_bytes_to_ptr"]:
        raise AttributeError("module 'acl.util' has no attribute 'bytes_to_ptr'")
    if type(data) is not bytes:
        raise ValueError("the type of input data should be bytes")
    address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
    S.lent[address] = data
    return address


@_call("util.ptr_to_bytes", "kk", early=True)
def _ptr_to_bytes(address, size):
    return ctypes.string_at(address, size)


# --- acl.mdl -------------------------------------------------------------------------------------------------------


def _read(path):
    """(code, header, content) of a stand-in of an OM."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return 145002, None, b""
    if not content:
        return 145002, None, b""
    start = len(MAGIC) + 16
    if not content.startswith(MAGIC) or len(content) < start:
        return 145006, None, b""
    length, head = (int.from_bytes(content[at : at + 8], "little") for at in (len(MAGIC), len(MAGIC) + 8))
    if length != len(content):
        return 145006, None, b""
    header = json.loads(content[start : start + head])
    if header["cann"] > S.settings["cann"]:
        return 145000, None, b""
    if header["soc"] != S.settings["soc"]:
        return 507008, None, b""
    return 0, header, content[start + head :]


@_call("mdl.load_from_file", "s", pair)
def _load_from_file(path):
    if not _current():
        return 0, 107002
    code, header, content = _read(path)
    if code:
        return 0, code
    with S.lock:
        if S.taken + len(content) > S.settings["memory"]:
            return 0, 207001
        S.taken += len(content)
        number = next(S.models)
    session = None
    if content:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    S.handles[number] = SimpleNamespace(
        kind="model", number=number, header=header, session=session, context=_current(), busy=False, size=len(content)
    )
    return number, 0


def _model(number):
    entry = S.handles.get(number)
    return entry if entry is not None and entry.kind == "model" else None


@_call("mdl.unload", "I")
def _unload(number):
    model = _model(number)
    if model is None:
        return 145003
    if not _current():
        return 107002
    if model.busy:
        raise _misuse("a model is unloaded while it runs")
    if model.context != _current():
        raise _misuse("a model is unloaded in another context than the one it was loaded in")
    S.taken -= model.size
    _destroy(number)
    return 0


@_call("mdl.create_desc", "", lambda code: 0)
def _create_desc():
    return _handle("description", model=None)


@_call("mdl.destroy_desc", "k")
def _destroy_desc(number):
    if _of(number, "description") is None:
        return 100000
    _destroy(number)
    return 0


@_call("mdl.get_desc", "kI")
def _get_desc(number, model):
    if number < 0x1000 and number:
        raise _misuse("mdl.get_desc takes the description first, then the model's id")
    description = _of(number, "description")
    if description is None:
        return 100000
    entry = _model(model)
    if entry is None:
        return 145003
    description.model = entry.header
    return 0


def _sides(number, which):
    description = _of(number, "description")
    if description is None:
        return []
    if description.model is None:
        raise _misuse("a description is asked before mdl.get_desc")
    return description.model[which]


def _side(number, which, index):
    entries = _sides(number, which)
    return entries[index] if index < len(entries) else None


def _size(side):
    return int(np.prod(side["dims_v2"])) * np.dtype(_TYPES[side["dtype"]]).itemsize


def _about(name, which, value, form="kk", nothing=0, failing=lambda code: 0):
    @_call(f"mdl.{name}", form, failing)
    def _asked(number, index):
        side = _side(number, which, index)
        return nothing if side is None else value(side)


def _dims(name, which, key):
    def told(side):
        return {"name": side["name"], "dimCount": len(side[key]), "dims": list(side[key])}, 0

    _about(name, which, told, nothing=({}, 100000), failing=lambda code: ({}, code))


@_call("mdl.get_num_inputs", "k", lambda code: 0)
def _num_inputs(number):
    return len(_sides(number, "inputs"))


@_call("mdl.get_num_outputs", "k", lambda code: 0)
def _num_outputs(number):
    return len(_sides(number, "outputs"))


for _way, _which in (("input", "inputs"), ("output", "outputs")):
    _about(f"get_{_way}_size_by_index", _which, _size)
    _about(f"get_{_way}_data_type", _which, lambda side: side["dtype"])
    _about(f"get_{_way}_format", _which, lambda side: side.get("format", 2))
    _about(f"get_{_way}_name_by_index", _which, lambda side: side["name"], nothing="")
    _dims(f"get_{_way}_dims", _which, "dims")
_dims("get_input_dims_v2", "inputs", "dims_v2")
_dims("get_cur_output_dims", "outputs", "dims")


@_call("mdl.get_aipp_type", "Ik", lambda code: (0, 0, code))
def _aipp_type(number, index):
    model = _model(number)
    if model is None or index >= len(model.header["inputs"]):
        return 0, 0, 145003 if model is None else 100000
    return model.header["inputs"][index].get("aipp_type", 0), 0xFFFFFFFF, 0


@_call("mdl.get_first_aipp_info", "Ik", lambda code: (None, code))
def _aipp_info(number, index):
    model = _model(number)
    if model is None or index >= len(model.header["inputs"]):
        return None, 145003 if model is None else 100000
    info = model.header["inputs"][index].get("aipp")
    if info is None:
        return None, 145015
    return {key: value for key, value in info.items() if key not in ("matrixR0C2", "matrixR2C0", "matrixR2C1")}, 0


@_call("mdl.create_dataset", "", lambda code: 0)
def _create_dataset():
    return _handle("dataset", buffers=[])


@_call("mdl.add_dataset_buffer", "kk", lambda code: (0, code))
def _add_dataset_buffer(number, buffer):
    dataset = _of(number, "dataset")
    if dataset is None or _of(buffer, "data buffer") is None:
        return 0, 100000
    dataset.buffers.append(buffer)
    return number, 0


@_call("mdl.get_dataset_num_buffers", "k")
def _num_buffers(number):
    dataset = _of(number, "dataset")
    return len(dataset.buffers) if dataset else 0


@_call("mdl.get_dataset_buffer", "kk")
def _dataset_buffer(number, index):
    dataset = _of(number, "dataset")
    return dataset.buffers[index] if dataset and index < len(dataset.buffers) else 0


@_call("mdl.destroy_dataset", "k")
def _destroy_dataset(number):
    if _of(number, "dataset") is None:
        return 100000
    _destroy(number)
    return 0


def _buffers(model, number, which):
    """(code, blocks of memory with their sizes) of a dataset."""
    dataset = _of(number, "dataset")
    if dataset is None:
        return 100000, []
    sides = model.header[which]
    if len(dataset.buffers) != len(sides):
        return 500002, []
    found = []
    for side, buffer in zip(sides, dataset.buffers):
        entry = _of(buffer, "data buffer")
        if entry.address == 0:
            return 100000, []
        block = _block(entry.address)
        if block is None:
            raise _misuse("a data buffer points to memory that is not the device's (any more)")
        if block.tag != "device" and S.settings["run_mode"] == 1:
            raise _misuse("a data buffer points to host memory")
        if entry.address + entry.size > block.address + block.size:
            raise _misuse("a data buffer reaches beyond its memory")
        wanted = _size(side)
        if entry.size != wanted:
            words = f"{which[:-1]} {side['name']} gets {entry.size} bytes, it has {wanted}"
            S.notes.append(words)
            if S.settings["wrong_sizes_raise"]:
                raise _misuse(words)
            if entry.size < wanted - 64:
                return 500002, []
        found.append((entry.address, min(entry.size, wanted), wanted))
    return 0, found


def _begin(number, source, target):
    """(code, model, inputs, outputs)"""
    if not _current():
        return 107002, None, [], []
    model = _model(number)
    if model is None:
        return 145003, None, [], []
    if model.context != _current():
        raise _misuse("a model is executed in another context than the one it was loaded in")
    with S.lock:
        code, inputs = _buffers(model, source, "inputs")
        if code == 0:
            code, outputs = _buffers(model, target, "outputs")
        if code:
            return code, None, [], []
        if model.busy:
            raise _misuse("a model is executed twice at the same time")
        model.busy = True
    return 0, model, inputs, outputs


def _given(inputs):
    return [ctypes.string_at(address, size).ljust(wanted, b"\0") for address, size, wanted in inputs]


@_call("mdl.execute", "Ikk")
def _execute(number, source, target):
    code, model, inputs, outputs = _begin(number, source, target)
    if code:
        return code
    try:
        _WITH_GIL.usleep(int(model.header.get("sleep_us", 0)))
        _put(outputs, _computed(model, _given(inputs)))
    finally:
        model.busy = False
    return 0


@_call("mdl.execute_async", "Ikkk")
def _execute_async(number, source, target, stream):
    entry = _of(stream, "stream")
    if entry is None:
        return 100000
    if entry.context != _current():
        return 107003 if _current() else 107002
    code, model, inputs, outputs = _begin(number, source, target)
    if code:
        return code
    given = _given(inputs)
    for address, size, _ in outputs:
        ctypes.memset(address, 0xFF, size)

    def later(fault):
        try:
            if fault:
                return
            with S.lock:
                S.running += 1
                S.most_at_once = max(S.most_at_once, S.running)
            _WITHOUT_GIL.usleep(int(model.header.get("sleep_us", 0)))
            S.running -= 1
            if _given(inputs) != given:
                raise _misuse("an input was changed while the model ran")
            _put(outputs, _computed(model, given))
        finally:
            model.busy = False

    entry.tasks.append(later)
    return 0


def _put(outputs, contents):
    for (address, size, _), content in zip(outputs, contents):
        ctypes.memmove(address, content, min(size, len(content)))


def _computed(model, given):
    arrays = []
    for side, data in zip(model.header["inputs"], given):
        values = np.frombuffer(data, _TYPES[side["dtype"]])
        if model.session is None:
            arrays.append(values)
        elif side.get("aipp") is not None:
            arrays.append(_by_aipp(values, side["aipp"], side["net"]))
        else:
            arrays.append(values.reshape(side["dims"]))
    names = [entry.name for entry in model.session.get_inputs()] if model.session else []
    if model.session:
        found = model.session.run(None, dict(zip(names, arrays)))
    else:
        value = model.header["fill"] if "fill" in model.header else int(arrays[0].sum()) % 251
        found = [np.full(side["dims"], value, np.float32) for side in model.header["outputs"]]
    return [
        np.ascontiguousarray(array, _TYPES[side["dtype"]]).tobytes()
        for side, array in zip(model.header["outputs"], found)
    ]


def _by_aipp(values, info, net):
    """float32 [1, C, H, W] of the bytes of an image: CANN's formulas, word by word."""
    width, height = info["srcImageSizeW"], info["srcImageSizeH"]
    if info["inputFormat"] == 1:
        luma = values[: width * height].reshape(height, width).astype(np.int64)
        chroma = values[width * height :].reshape(height // 2, width // 2, 2).astype(np.int64)
        u, v = (np.kron(chroma[:, :, part], np.ones((2, 2), np.int64)) for part in (0, 1))
        planes = [luma, v, u] if info["rbuvSwapSwitch"] else [luma, u, v]
    else:
        planes = list(values.reshape(height, width, -1).astype(np.int64).transpose(2, 0, 1))
        if info["rbuvSwapSwitch"]:
            planes[0], planes[2] = planes[2], planes[0]
    if info["cropSwitch"]:
        left, top = info["loadStartPosW"], info["loadStartPosH"]
        planes = [plane[top : top + info["cropSizeH"], left : left + info["cropSizeW"]] for plane in planes]
    if info["cscSwitch"]:
        yuv = info["inputFormat"] == 1
        wide = [plane - (info[f"inputBias{i}"] if yuv else 0) for i, plane in enumerate(planes)]
        planes = []
        for row in range(3):
            total = sum(info[f"matrixR{row}C{column}"] * wide[column] for column in range(3)) >> 8
            planes.append(np.clip(total + (0 if yuv else info[f"outputBias{row}"]), 0, 255))
    out = np.zeros((1, *net), np.float16)
    rows, columns = planes[0].shape
    top, left = (info["topPaddingSize"], info["leftPaddingSize"]) if info["paddingSwitch"] else (0, 0)
    for channel, plane in enumerate(planes[: net[0]]):
        lowest, factor = (np.float16(info[f"{key}{channel}"]).astype(np.float32) for key in ("minChn", "varReciChn"))
        scaled = (plane.astype(np.float32) - np.float32(info[f"meanChn{channel}"]) - lowest) * factor
        out[0, channel, top : top + rows, left : left + columns] = scaled.astype(np.float16)
    return out.astype(np.float32)


def _at_exit():
    if S.initialised:
        sys.stderr.write(f"stand-in acl: the process ends without finalize; left: {', '.join(alive()) or 'nothing'}\n")
    for sentence in S.misuses:
        sys.stderr.write(f"stand-in acl: misuse: {sentence}\n")


if "ACL_STAND_IN" in os.environ:
    set_up(**json.loads(os.environ["ACL_STAND_IN"]))
    atexit.register(_at_exit)
