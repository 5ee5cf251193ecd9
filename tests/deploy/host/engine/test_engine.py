"""The workers: faults stay with their buffer, graphs branch and join, the stream is bounded, and it ends."""

import threading
import time
from queue import Empty, SimpleQueue

import pytest

from deploy.host.catalog.properties import read_properties
from deploy.host.engine import job as job_module
from deploy.host.engine.engine import Engine, core_count
from deploy.host.engine.factories import FACTORIES
from deploy.host.engine.mailbox import Mailbox
from deploy.host.metadata.frame import Frame
from deploy.host.pipeline.description import Element, Link, Stream
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import SdkFault

PLACES = 5 * core_count()  # at work and waiting
CHAIN = "appsrc0 first0 second0 appsink0"


class Scripted(Plugin):
    """Does what the buffer says: wait at the gate, fail in one way or another, or answer with its length."""

    gate = threading.Event()

    def process(self, frame):
        if frame.buffer == b"fault":
            raise SdkFault(2006, "no image")
        if frame.buffer == b"bug":
            raise ZeroDivisionError("a mistake of ours")
        if frame.buffer == b"exit":
            raise SystemExit(3)
        if frame.buffer.startswith(b"wait"):
            self.gate.wait(10)
        frame.metadata[self.name] = True
        frame.buffer = str(len(frame.buffer)).encode()


class Mark(Plugin):
    """Appends its name, and what metadata it saw, to the buffer; takes longer for buffers that say so."""

    def process(self, frame):
        time.sleep(0.02 if frame.buffer.startswith(b"slow") else 0)
        frame.metadata[self.name] = True
        frame.buffer += b">" + self.name.encode()


class Seen(Plugin):
    """Answers with the names of the metadata that reach it."""

    def process(self, frame):
        frame.buffer = frame.buffer + b":" + ",".join(sorted(frame.metadata)).encode()


class Several(Plugin):
    """Makes as many buffers as the buffer says; more than three go wrong."""

    expands = True

    def expand(self, frame):
        for number in range(int(frame.buffer)):
            if number == 3:
                raise SdkFault(2009, "no more")
            made = frame.branch()
            made.buffer = b"part%d" % number
            yield made


class Log(Plugin):
    """Writes down in which order buffers come."""

    ordered = True

    def __init__(self, element):
        super().__init__(element)
        self.came = []

    def process(self, frame):
        self.came.append(frame.buffer)


FACTORY = {"first": Scripted, "second": Scripted, "mark": Mark, "seen": Seen, "several": Several, "log": Log}


@pytest.fixture
def run(monkeypatch):
    """run("a b c", "b d:1", b={property: value}) makes a stream of these chains of elements and links."""
    for name, plugin in FACTORY.items():
        monkeypatch.setitem(FACTORIES, name, plugin)
    Scripted.gate.clear()
    engines = []

    def make(*chains, **properties):
        order, links = [], {}
        for chain in chains:
            names = [part.partition(":")[0] for part in chain.split()]
            order += [name for name in names if name not in order]
            for name, following in zip(names, chain.split()[1:]):
                target, _, port = following.partition(":")
                links.setdefault(name, []).append(Link(target, int(port or 0)))
        # topological: an element comes once all that lead to it have
        placed = []
        while len(placed) < len(order):
            for name in order:
                leading = {other for other, targets in links.items() if name in [link.target for link in targets]}
                if name not in placed and leading <= set(placed):
                    placed.append(name)
        elements = []
        for name in placed:
            factory = name.rstrip("0123456789")
            props = properties.get(name, {})
            values = read_properties(name, factory, props, FACTORIES[factory].PROPERTIES)
            elements.append(Element(name, factory, values, tuple(links.get(name, []))))
        engines.append(Engine(Stream("s", tuple(elements))))
        return engines[-1]

    yield make
    Scripted.gate.set()
    for engine in engines:
        engine.stop()


@pytest.fixture
def engine(run):
    return run(CHAIN)


def send(engine, data, source=0):
    return engine.send(source, Frame(data), in_order=False)


def reply(job, seconds=5):
    return next(iter(job.replies.values())).get(timeout=seconds)[:2]


def answer(engine, data):
    return reply(send(engine, data))


def answers(engine, *data, sink=0, count=None):
    """Send in order to appsrc 0; the buffers of the results, with codes for faults."""
    box = Mailbox(engine)
    for entry in data:
        box.send(0, Frame(entry))
    results = [box.result(sink, 5) for _ in range(len(data) if count is None else count)]
    return [result.code or result.data.decode() for result in results]


def test_a_frame_passes_all_elements(engine):
    assert answer(engine, b"x" * 123) == (0, b"3")  # the length of "123", which the first element made


def test_faults_and_bugs_end_the_frame_only(engine):
    assert answer(engine, b"fault") == (2006, b"no image")
    code, text = answer(engine, b"bug")
    assert code == 1002
    assert text == b"first0: internal error, ZeroDivisionError: a mistake of ours"
    assert answer(engine, b"good") == (0, b"1")


def test_no_worker_dies(engine, monkeypatch):
    """Neither of a plugin that ends the program nor of a mistake outside of plugins; as often as there are workers."""
    for _ in range(core_count() + 1):
        assert answer(engine, b"exit") == (1002, b"first0: internal error, SystemExit: 3")
    deliver = job_module.Job.deliver
    monkeypatch.setattr(job_module.Job, "deliver", lambda self, sink, frame: 1 / 0)
    for _ in range(core_count() + 1):
        assert answer(engine, b"good") == (1002, b"internal error, ZeroDivisionError: division by zero")
    monkeypatch.setattr(job_module.Job, "deliver", deliver)
    assert answer(engine, b"good") == (0, b"1")
    assert answers(engine, b"exit", b"good") == [1002, "1"]


def test_nothing_is_kept_but_the_answer(engine):
    job = send(engine, b"good")
    (queue,) = job.replies.values()
    assert queue.get(timeout=5).metadata is None
    assert queue.get(timeout=5) is None  # the end
    assert not any(job.slots)


def test_metadata_stay_with_results_that_are_fetched_in_order(engine):
    job = engine.send(0, Frame(b"good"), in_order=True)
    assert job.replies[0].get(timeout=5).metadata == {"first0": True, "second0": True}


@pytest.mark.parametrize(
    ("chains", "sink", "expected"),
    [
        pytest.param(["appsrc0 tee0 mark1 appsink0", "tee0 mark2 appsink1"], 0, "x>mark1", id="the first branch"),
        pytest.param(["appsrc0 tee0 mark1 appsink0", "tee0 mark2 appsink1"], 1, "x>mark2", id="the second branch"),
        pytest.param(["appsrc0 mark1 mark2 appsink0", "mark1 appsink1"], 1, "x>mark1", id="next lists need no tee"),
        pytest.param(["appsrc0 mark1 seen0 appsink0", "mark1 mark2 fakesink0"], 0, "x>mark1:mark1", id="separate"),
        pytest.param(
            ["appsrc0 mark1 mark2 seen0:1 appsink0", "mark1 mark3 seen0:0"],
            0,
            "x>mark1>mark3:mark1,mark2,mark3",
            id="a junction has all metadata and the buffer of port 0",
        ),
        pytest.param(
            ["appsrc0 queue0 mark1 tee0 queue1 mark2 seen0:0 appsink0", "tee0 queue2 queue3 seen0:1"],
            0,
            "x>mark1>mark2:mark1,mark2",
            id="queues pass everything on",
        ),
    ],
)
def test_graphs(run, chains, sink, expected):
    assert answers(run(*chains), b"x", sink=sink) == [expected]


def test_a_fault_in_one_branch(run):
    engine = run("appsrc0 tee0 first0 appsink0", "tee0 mark1 appsink1")
    box = Mailbox(engine)
    box.send(0, Frame(b"fault"))
    assert box.result(0, 5).code == 2006
    assert box.result(1, 5)[:2] == (0, b"fault>mark1")
    joined = run("appsrc0 tee0 first0 seen0:0 appsink0", "tee0 mark1 seen0:1")
    assert answers(joined, b"fault", b"xy") == [2006, "2:first0,mark1"]


def test_two_appsrcs_of_their_own(run):
    box = Mailbox(run("appsrc0 mark1 appsink0", "appsrc1 mark2 appsink1"))
    box.send(1, Frame(b"b"))
    assert box.result(1, 5).data == b"b>mark2"
    box.send(0, Frame(b"a"))
    assert box.result(0, 5).data == b"a>mark1"


def test_two_appsrcs_that_meet(run):
    """The n-th buffers go together, whoever sends first; what needs one alone does not wait for the other."""
    box = Mailbox(run("appsrc0 mark1 tee0 seen0:0 log0 appsink0", "appsrc1 mark2 seen0:1", "tee0 appsink1"))
    for number in range(PLACES):
        box.send(0, Frame(b"%d" % number))
    assert [box.result(1, 5).data for _ in range(PLACES)] == [b"%d>mark1" % number for number in range(PLACES)]
    for _ in range(PLACES):
        box.send(1, Frame(b"slow"))
    expected = [b"%d>mark1:mark1,mark2" % number for number in range(PLACES)]
    assert [box.result(0, 5).data for _ in range(PLACES)] == expected


def test_an_appsrc_does_not_run_ahead_of_its_partner_for_ever(run, monkeypatch):
    monkeypatch.setattr("deploy.host.engine.engine.PARTNER_SECONDS", 0.1)
    engine = run("appsrc0 seen0:0 appsink0", "appsrc1 seen0:1")
    for _ in range(PLACES):
        send(engine, b"x")
    with pytest.raises(SdkFault, match="appsrc0 is full"):
        send(engine, b"x")


def test_one_buffer_that_turns_into_several(run):
    engine = run("appsrc0 several0 tee0 mark1 seen0:0 appsink0", "tee0 mark2 seen0:1")
    expected = [f"part{number}>mark1:mark1,mark2" for number in range(3)]
    assert answers(engine, b"3", b"0", b"2", count=5) == expected + expected[:2]
    assert answers(run("appsrc0 several0 mark1 appsink0"), b"9", count=4)[2:] == ["part2>mark1", 2009]


def test_ordered_elements_see_buffers_in_the_order_of_sending(run):
    engine = run("appsrc0 mark0 log0 appsink0")
    data = [b"slow%d" % number if number % 3 == 0 else b"%d" % number for number in range(40)]
    assert answers(engine, *data) == [f"{entry.decode()}>mark0" for entry in data]
    (log,) = [plugin for plugin in engine._plugins if isinstance(plugin, Log)]
    assert log.came == [entry + b">mark0" for entry in data]


def test_files(run, tmp_path):
    path = tmp_path / "out.txt"
    path.write_bytes(b"old,")
    chains = ["appsrc0 tee0 mark1 filesink0", "tee0 appsink0"]
    engine = run(*chains, filesink0={"location": str(path), "append": "true"})
    answers(engine, *[b"slow" if number == 0 else b"%d" % number for number in range(5)])
    engine.stop()
    assert path.read_bytes() == b"old,slow>mark1" + b"".join(b"%d>mark1" % number for number in range(1, 5))
    engine = run(*chains, filesink0={"location": str(path)})
    answers(engine, b"new")
    engine.stop()
    assert path.read_bytes() == b"new>mark1"
    with pytest.raises(SdkFault, match="cannot open") as raised:
        run("appsrc0 filesink0", filesink0={"location": str(tmp_path / "no/such/folder")})
    assert raised.value.code == 1019


@pytest.mark.parametrize(
    ("leaky", "kept"),
    [
        pytest.param("1", ["wait0", "wait1", "wait2"], id="1 lets new buffers go"),
        pytest.param("2", ["wait0", "wait8", "wait9"], id="2 lets old buffers go"),
    ],
)
def test_leaky_queues(run, leaky, kept, monkeypatch):
    monkeypatch.setattr("deploy.host.engine.engine.core_count", lambda: 1)
    engine = run("appsrc0 mark0 queue0 first0 log0 appsink0", queue0={"leaky": leaky, "max-size-buffers": "2"})
    jobs = []
    for number in range(10):
        jobs.append(send(engine, b"wait%d" % number))
        if number == 0:
            while engine._tasks.qsize():  # the worker has it
                time.sleep(0.001)
    Scripted.gate.set()
    codes = [reply(job)[0] for job in jobs]
    assert [f"wait{number}" for number, code in enumerate(codes) if code == 0] == kept
    assert set(codes) == {0, 5003}


def test_leaky_queues_in_order(run):
    """Buffers that were let go leave no gap in the results."""
    box = Mailbox(run("appsrc0 queue0 first0 log0 appsink0", queue0={"leaky": "1", "max-size-buffers": "1"}))
    for number in range(core_count() + 20):
        box.send(0, Frame(b"wait%d" % number))
    Scripted.gate.set()
    came = []
    while len(came) < 40:
        try:
            came.append(box.result(0, 0.2))
        except SdkFault as fault:
            assert fault.code == 6010
            break
    assert 1 <= len(came) <= core_count() + 1


def test_a_full_stream_makes_the_sender_wait(engine):
    taken = SimpleQueue()

    def feed():
        for _ in range(PLACES + 1):
            send(engine, b"wait")
            taken.put(None)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    for _ in range(PLACES):
        taken.get(timeout=5)
    time.sleep(0.05)
    assert taken.empty()
    Scripted.gate.set()
    taken.get(timeout=5)


def test_results_that_nobody_fetches_are_bounded(run, monkeypatch):
    monkeypatch.setattr(job_module, "BUFFER_BYTES", 100)
    monkeypatch.setattr(job_module, "METADATA_BYTES", 1)
    monkeypatch.setattr(job_module, "_weight", lambda metadata: 1)
    engine = run("appsrc0 mark0 appsink0")
    box = Mailbox(engine)
    box.send(0, Frame(b"x" * 60))
    box.send(0, Frame(b"x" * 60))
    while not engine.backlog.full:
        time.sleep(0.001)
    with pytest.raises(SdkFault, match="too many results"):
        box.send(0, Frame(b"x"))
    first, second = box.result(0, 5), box.result(0, 5)
    assert {first.metadata is None, second.metadata is None} == {True, False}  # one of them was let go
    box.send(0, Frame(b"x"))  # there is room again
    assert box.result(0, 5).metadata is not None


def test_results_by_id_that_come_too_late_are_let_go(run):
    engine = run("appsrc0 first0 appsink0")
    box = Mailbox(engine)
    unique_id = box.send_with_id(0, Frame(b"wait" * 100))
    with pytest.raises(SdkFault) as raised:
        box.result_with_id(unique_id, 0)
    assert raised.value.code == 6010
    Scripted.gate.set()
    box.result_with_id(box.send_with_id(0, Frame(b"x")), 5)
    deadline = time.monotonic() + 5
    while engine._under_way and time.monotonic() < deadline:
        time.sleep(0.001)
    assert engine.backlog._buffers == 0


@pytest.mark.parametrize("chains", [[CHAIN], ["appsrc0 first0 seen0:0 log0 appsink0", "appsrc1 seen0:1"]])
def test_stop_answers_everything(run, chains):
    engine = run(*chains)
    jobs = [send(engine, b"wait") for _ in range(PLACES)]
    blocked = SimpleQueue()

    def feed():
        try:
            send(engine, b"wait")
        except SdkFault as fault:
            blocked.put(fault.code)

    for _ in range(2):
        threading.Thread(target=feed, daemon=True).start()
    time.sleep(0.05)
    begin = time.monotonic()
    engine.stop()
    assert time.monotonic() - begin < 1
    assert [blocked.get(timeout=1) for _ in range(2)] == [6002, 6002]
    assert [reply(job, 0)[0] for job in jobs] == [6002] * PLACES  # also for what an element is still busy with
    with pytest.raises(SdkFault, match="destroyed"):
        send(engine, b"late")


def test_mean_times_leave_failed_frames_out(engine):
    answer(engine, b"good")
    answer(engine, b"fault")
    means = engine.milliseconds()
    assert list(means) == ["first0", "second0"]
    assert all(0 < mean < 100 for mean in means.values())
    engine.reset_milliseconds()
    assert engine.milliseconds() == {"first0": 0.0, "second0": 0.0}


def test_links_that_cannot_be(run, monkeypatch):
    monkeypatch.setitem(FACTORIES, "mark", Mark)
    with pytest.raises(SdkFault, match="no element after it"):
        Engine(Stream("s", (Element("mark0", "mark", {}, (Link("mark0"),)),)))
    with pytest.raises(SdkFault, match="no appsrc leads to it"):
        Engine(Stream("s", (Element("mark0", "mark", {}),)))


def test_next_meta_takes_metadata_along_and_leaves_the_buffer(run, monkeypatch):
    for name in ("mark", "seen"):
        monkeypatch.setitem(FACTORIES, name, FACTORY[name])
    elements = (
        Element("appsrc0", "appsrc", {}, (Link("mark1"), Link("mark2"))),
        Element("mark1", "mark", {}, (), (Link("seen0", 0),)),
        Element("mark2", "mark", {}, (Link("seen0", 1),)),
        Element("seen0", "seen", {}, (Link("appsink0"),)),
        Element("appsink0", "appsink", {}),
    )
    engine = Engine(Stream("s", elements))
    assert answer(engine, b"x") == (0, b"x>mark2:mark1,mark2")
    engine.stop()


def test_no_result_where_nothing_was_sent(engine):
    with pytest.raises(Empty):
        engine.results[0].get(timeout=0.01)
