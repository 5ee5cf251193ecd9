"""The workers: faults stay with their picture, the stream is bounded, and it ends."""

import threading
import time
from queue import SimpleQueue

import pytest

from deploy.host.description import Element, Stream
from deploy.host.engine import Engine, core_count
from deploy.host.factories import FACTORIES
from deploy.host.frame import Frame
from deploy.host.plugins.base import Plugin
from deploy.sdk_codes import SdkFault

PLACES = 5 * core_count()  # at work and waiting


class Scripted(Plugin):
    """Does what the buffer says: wait at the gate, fail in one way or another, or answer with its length."""

    gate = threading.Event()

    def process(self, frame):
        if frame.buffer == b"fault":
            raise SdkFault(2006, "no picture")
        if frame.buffer == b"bug":
            raise ZeroDivisionError("a mistake of ours")
        if frame.buffer == b"wait":
            self.gate.wait(10)
        frame.metadata["seen"] = True
        frame.buffer = str(len(frame.buffer)).encode()


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setitem(FACTORIES, "scripted", Scripted)
    Scripted.gate.clear()
    chain = [("appsrc0", "appsrc"), ("first0", "scripted"), ("second0", "scripted"), ("appsink0", "appsink")]
    running = Engine(Stream("s", tuple(Element(name, factory, {}) for name, factory in chain)))
    yield running
    Scripted.gate.set()
    running.stop()


def answer(engine, data, seconds=5):
    frame = Frame(data)
    engine.send(frame)
    return frame.reply.get(timeout=seconds)


def test_a_frame_passes_all_elements(engine):
    assert answer(engine, b"x" * 123) == (0, b"3")  # the length of "123", which the first element made


def test_faults_and_bugs_end_the_frame_only(engine):
    assert answer(engine, b"fault") == (2006, b"no picture")
    code, text = answer(engine, b"bug")
    assert code == 1002
    assert text == b"first0: internal error, ZeroDivisionError: a mistake of ours"
    assert answer(engine, b"good") == (0, b"1")


def test_nothing_is_kept_but_the_answer(engine):
    frame = Frame(b"good")
    engine.send(frame)
    frame.reply.get(timeout=5)
    assert (frame.buffer, frame.metadata) == (b"", {})


def test_a_full_stream_makes_the_sender_wait(engine):
    taken = SimpleQueue()

    def feed():
        for _ in range(PLACES + 1):
            engine.send(Frame(b"wait"))
            taken.put(None)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    for _ in range(PLACES):
        taken.get(timeout=5)
    time.sleep(0.05)
    assert taken.empty()
    Scripted.gate.set()
    taken.get(timeout=5)


def test_stop_answers_everything(engine):
    frames = [Frame(b"wait") for _ in range(PLACES)]
    for frame in frames:
        engine.send(frame)
    blocked = SimpleQueue()

    def feed():
        try:
            engine.send(Frame(b"wait"))
        except SdkFault as fault:
            blocked.put(fault.code)

    for _ in range(2):
        threading.Thread(target=feed, daemon=True).start()
    time.sleep(0.05)
    begin = time.monotonic()
    engine.stop()
    assert time.monotonic() - begin < 1
    assert [blocked.get(timeout=1) for _ in range(2)] == [6002, 6002]
    # what had not begun is answered at once, what was under way when its element is through
    assert [frame.reply.qsize() for frame in frames].count(1) == PLACES - core_count()
    Scripted.gate.set()
    assert [frame.reply.get(timeout=1)[0] for frame in frames] == [6002] * PLACES
    with pytest.raises(SdkFault, match="destroyed"):
        engine.send(Frame(b"late"))


def test_mean_times_leave_failed_frames_out(engine):
    answer(engine, b"good")
    answer(engine, b"fault")
    means = engine.milliseconds()
    assert list(means) == ["first0", "second0"]
    assert all(0 < mean < 100 for mean in means.values())
    engine.reset_milliseconds()
    assert engine.milliseconds() == {"first0": 0.0, "second0": 0.0}
