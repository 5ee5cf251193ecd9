"""A chain of stages in the processes of torchrun (docs/adr/0053): the first process does every stage, and trainings
together with the others, which wait in between.

They agree through the store that torchrun's processes meet by, not through collectives: those end with a timeout where
a stage that is no training takes its time. Keys of the store: `order/N` with the N-th training or the end, `fault` with
the sentence of a process that failed, and `left/RANK`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from compress.chain.verbs import settings_of
from compress.failure import sentence_of
from compress.verb import Verb
from deploy.errors import ReportedError, UsageError

T = TypeVar("T")
GRACE = 10.0
"""Seconds that a process is given to come out of a training in which another one has failed."""
_LOOK = 0.5
_JOINS_WITHIN = 300.0
_LONG = timedelta(days=1)


class Ranks:
    """The processes of a group, seen from one of them; `rank` is its number, from 0."""

    def __init__(self, store: Any, rank: int, count: int) -> None:
        self.rank, self._count, self._store = rank, count, store
        self._orders = 0

    @contextmanager
    def together(self, verb: Verb, options: Mapping[str, Any]) -> Iterator[None]:
        """In the first process: the others do the verb with these options too, while this block does it here.

        Raises ReportedError where another process has failed and this one comes out of it with an error that says
        nothing; where it does not come out, the whole process ends with that sentence.
        """
        self._order({"verb": verb.name, "options": dict(options)})
        over = threading.Event()
        threading.Thread(target=self._watch_others, args=(over,), daemon=True).start()
        try:
            yield
        except ReportedError:
            raise
        except Exception as error:
            time.sleep(2 * _LOOK)  # the connection may break before the other has said why
            if self._store.check(["fault"]):
                raise self._fault() from error
            raise
        finally:
            over.set()

    def end(self, code: int) -> None:
        """In the first process: let the others go, with this exit code."""
        self._order({"end": code})
        until = time.monotonic() + GRACE
        others = [f"left/{rank}" for rank in range(1, self._count)]
        while not self._store.check(others) and time.monotonic() < until:  # it may be this process that has the store
            time.sleep(_LOOK / 10)

    def follow(self, verbs: Iterable[Verb]) -> None:
        """In any other process: do what the first one orders, silently, until it ends.

        Raises SystemExit with the exit code of the first process where that is none of success.
        """
        known = {verb.name: verb for verb in verbs}
        while "verb" in (order := self._next_order()):
            over = threading.Event()
            threading.Thread(target=self._watch_first, args=(over,), daemon=True).start()
            try:
                with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
                    verb = known[order["verb"]]
                    assert verb.run
                    verb.run(settings_of(verb, order["options"]))
            except Exception as error:
                sentence, code = sentence_of(error) or (f"{type(error).__name__}: {error}", 1)
                self._store.set("fault", json.dumps([f"process {self.rank}: {sentence}", code]))
                over.set()
                continue  # the first process says how it ends
            finally:
                over.set()
        self._leave(order["end"])

    def _order(self, order: dict[str, Any]) -> None:
        self._store.set(f"order/{self._orders}", json.dumps(order))
        self._orders += 1

    def _next_order(self) -> dict[str, Any]:
        key = f"order/{self._orders}"
        try:
            while not self._store.check([key]):
                time.sleep(_LOOK / 5)
            order: dict[str, Any] = json.loads(self._store.get(key))
        except RuntimeError:  # the store is gone, and with it the first process
            return {"end": 1}
        self._orders += 1
        return order

    def _leave(self, code: int) -> None:
        with suppress(RuntimeError):
            self._store.set(f"left/{self.rank}", "")
        if code:
            raise SystemExit(code)

    def _fault(self) -> ReportedError:
        sentence, code = json.loads(self._store.get("fault"))
        fault = ReportedError(sentence)
        fault.exit_code = code
        return fault

    def _watch_others(self, over: threading.Event) -> None:
        """End this process where another one has failed and the training here waits for it."""
        while not over.wait(_LOOK):
            if self._store.check(["fault"]):
                if over.wait(GRACE):
                    return
                fault = self._fault()
                print(f"error: {fault}", file=sys.stderr, flush=True)
                self.end(fault.exit_code)
                os._exit(fault.exit_code)

    def _watch_first(self, over: threading.Event) -> None:
        """End this process where the first one has ended and the training here waits for it."""
        key = f"order/{self._orders}"
        while not over.wait(_LOOK):
            try:
                if not self._store.check([key]):
                    continue
                order = json.loads(self._store.get(key))
            except RuntimeError:  # the store is gone, and with it the first process
                order = {"end": 1}
            if "end" not in order:
                return  # it has come out of the training, and so will this process
            if not over.wait(GRACE):
                self._quit(order["end"])

    def _quit(self, code: int) -> NoReturn:
        with suppress(RuntimeError):
            self._store.set(f"left/{self.rank}", "")
        os._exit(code)


_own: Ranks | None = None


def ranks() -> Ranks | None:
    """Those that this process leads; None where it is the only one.

    Raises UsageError where there are others that nobody leads: they would all do every stage.
    """
    if _own is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("a chain of stages of these processes was not begun by run or iterate; start one process")
    return _own


def led(do: Callable[[], T], verbs: Iterable[Verb]) -> T | None:
    """Do it in the first process of torchrun, while the others take part in those `verbs` and give None.

    With one process, and inside of what is led already, it is just done.
    """
    global _own
    if _own is not None or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return do()
    group = _joined()
    if group.rank:
        group.follow(verbs)
        return None
    _own, code = group, 1
    try:
        done = do()
        code = 0
        return done
    except ReportedError as fault:
        code = fault.exit_code
        raise
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        _own = None
        group.end(code)


def _joined() -> Ranks:
    from torch.distributed import PrefixStore, rendezvous

    try:
        store, rank, count = next(rendezvous("env://", timeout=timedelta(seconds=_JOINS_WITHIN)))
    except (RuntimeError, ValueError, KeyError) as fault:
        reason = (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]
        raise UsageError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but the processes do not meet; start them with torchrun "
            f"({reason})"
        ) from None
    store.set_timeout(_LONG)
    return Ranks(PrefixStore("compress/chain", store), rank, count)
