"""`push`: check the board, copy what changed, switch, run it there, and compare with this machine."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.board import results
from deploy.board.compare import Tolerance
from deploy.board.contents import Item, cann_of, chip_of, release_items
from deploy.board.doctor import Examined, Wanted, lines
from deploy.board.link import Link
from deploy.board.report import Pushed, Ran
from deploy.board.text import cleaned
from deploy.board.transfer import Transfer
from deploy.board.work import Settings, Work
from deploy.bundle import Bundle, open_bundle
from deploy.console import Interrupted, note
from deploy.errors import ReportedError, UsageError
from deploy.results.folder import check_room, result_folder
from deploy.results.ours import Maker, check_apart
from deploy.run.foreign_code import check_code
from deploy.run.pipeline_file import PipelineFile
from deploy.run.target import DEMO
from deploy.whole_file import write_new

REPORT = "push.json"
MAKER = Maker("push", "result of push", made_before=lambda folder: (folder / REPORT).is_file())
RUN_SECONDS, RUN_SECONDS_AN_IMAGE = 3600.0, 30.0
"""What a run on the board may take, loading the model included, and more for each image."""
RUN_LINES, RUN_LINES_AN_IMAGE = 100_000, 1000
"""What it may say. Some SDKs log several lines for every element and image."""
LAST_WORDS = 200
MOST_SECONDS = 1e9
SCORED_LATER = 5
"""The exit code of an eval whose detections are there while numpy to score them is not; that is done here."""


@dataclass(frozen=True)
class Options:
    """`run` is a verb and its arguments, empty to copy only; `out` is made anew by a run; `force` passes over faults
    that doctor finds."""

    host: str
    ssh_options: Sequence[str] = ()
    bundle: Path | None = None
    wanted: Wanted = field(default_factory=Wanted)
    run: Sequence[str] = ()
    settings: Settings = field(default_factory=Settings)
    tolerance: Tolerance = field(default_factory=Tolerance)
    compare: bool = True
    out: Path = Path("push_result")
    force: bool = False


def push(options: Options) -> Pushed:
    """Bring the bundle to the board and, where a run is asked for, run it on both sides.

    Raises ModelError for a faulty bundle or one without an OM, DataError for images or results that are not what they
    should be, EnvironmentFault for a board that is not ready or not reached; a run that fails there raises the error of
    its exit code.
    """
    folder = (options.bundle or DEMO).absolute()
    if options.bundle is None:
        note(f"no --bundle given: pushing the demo model in {DEMO}")
    bundle = open_bundle(folder)
    for sentence in bundle.notes:
        note(sentence)
    for name in sorted(entry for entry in bundle.description["files"] if entry.endswith(".pipeline")):
        check_code(PipelineFile(bundle.folder / name, bundle.folder), bundle, options.settings.trust)
    bundle = open_bundle(folder)  # a module that is trusted now is listed in it
    items = release_items(bundle)
    work = Work(bundle, options.run[0], options.run[1:], options.settings) if options.run else None
    out = options.out.absolute()
    if work is not None:
        check_room(out, MAKER)
        check_apart(out, [*work.paths, folder])
    with Transfer(options.host, options.ssh_options, options.wanted) as transfer:
        try:
            return _pushed(transfer, bundle, items, work, options)
        except KeyboardInterrupt as stop:
            raise stop if isinstance(stop, Interrupted) else Interrupted(_state(transfer, options.host)) from None


def _pushed(transfer: Transfer, bundle: Bundle, items: list[Item], work: Work | None, options: Options) -> Pushed:
    examined = transfer.examine(chip_of(bundle), cann_of(bundle))
    for line in lines(examined.findings):
        print(line, file=sys.stderr)
    if options.force and examined.faults:
        note("continuing despite these faults because of --force")
    else:
        examined.check()
    transfer.open()
    release, previous, same = transfer.release(items)
    note(f"{options.host} {'has' if same else 'now has'} the release {release}")
    pushed = Pushed(options.host, release, previous, same, examined.findings, transfer.copied)
    if work is None:
        return pushed
    transfer.images(work.material.items)
    out = options.out.absolute()
    with result_folder(out, MAKER) as partial:
        pushed.ran = _run(transfer.link, work, examined, options, partial / "board")
        pushed.ran.out = out
        transfer.link.close()
        stopped = _compare(work, pushed.ran, partial, options) if options.compare else None
        text = json.dumps(pushed.to_json(), indent=1) + "\n"
        _or_note(f"{REPORT} is not written", lambda: write_new(partial / REPORT, text.encode("ascii")))
    if stopped is not None:
        raise Interrupted(f"{options.host} has the release {release}, and {out} what its run left") from None
    return pushed


def _state(transfer: Transfer, host: str) -> str:
    """What the board has when a push is interrupted."""
    if transfer.current:
        return f"{host} has the release {transfer.current}; a run of it there ends with the connection"
    if transfer.switching:
        return f"{host} was just being switched and has either the new release or the one before; push again to be sure"
    return f"{host} was not switched; what has arrived there is kept for the next push"


def rollback(host: str, ssh_options: Sequence[str], wanted: Wanted) -> Pushed:
    """Switch the board back to the release before. Raises EnvironmentFault where there is none."""
    with Link(host, ssh_options) as link:
        link.ask("open", root=wanted.folder)
        answer = link.ask("rollback")
    release, previous = (cleaned(answer.get(key), 40) for key in ("release", "previous"))
    return Pushed(host, release, previous, False, [], None, rolled_back=True)


def _run(link: Link, work: Work, examined: Examined, options: Options, board: Path) -> Ran:
    """Run on the board, passing on what it says, and bring back what it leaves."""
    alone = examined.facts.on == "acl"
    pipeline = work.pipeline_on_board("" if alone else examined.facts.sdk_version)
    if alone:
        note("the board has CANN and no MindX SDK: the host engine runs there, with the model on the chip")
    if pipeline:
        note(f"the board runs {pipeline}")
    link.tell(
        "run",
        verb=work.verb,
        arguments=work.arguments_on_board(),
        view=[[item.path, item.sha256] for item in work.material.items],
        env=list(examined.facts.env),
        python=options.wanted.python or examined.facts.program,
        pipeline=pipeline,
        on=examined.facts.on or "board",
    )
    words, message = _listen(link, len(work.material.names))
    code, stdout, seconds = message.get("code"), message.get("stdout"), message.get("seconds")
    if type(code) is not int or not isinstance(stdout, str) or not isinstance(seconds, (int, float)):
        raise link.nonsense("something else than the end of a run")
    if not 0 <= seconds <= MOST_SECONDS:
        raise link.nonsense("a run that took no time that there is")
    if work.folder:
        count = results.fetch(link, work.folder, board / work.folder, work.expected_files)
        if code == SCORED_LATER and work.verb == "eval" and count:
            code = 0
    if code:
        raise _failure(code, words, options.host)
    if work.verb == "speed":
        return Ran(work.verb, results.read_speed(stdout))
    ran = Ran(work.verb, work.timing(float(seconds)))
    _or_note("the board's images were not drawn", lambda: work.draw(board))
    return ran


def _listen(link: Link, images: int) -> tuple[list[str], dict[str, Any]]:
    """Pass on what the board says during a run. Returns the last of it and the message that ends the run.

    Raises EnvironmentFault for a run that takes longer or says more than one over that many images can.
    """
    words: deque[str] = deque(maxlen=LAST_WORDS)
    until = time.monotonic() + RUN_SECONDS + RUN_SECONDS_AN_IMAGE * images
    for _ in range(RUN_LINES + RUN_LINES_AN_IMAGE * images):
        message = link.event(max(until - time.monotonic(), 0.0))
        if message["event"] == "done":
            return list(words), message
        if message["event"] != "line":
            raise link.nonsense("something else than the end of a run")
        words.append(cleaned(message.get("text")))
        print(f"board: {words[-1]}", file=sys.stderr, flush=True)
    raise link.nonsense("words without end in place of the end of a run")


def _compare(work: Work, ran: Ran, partial: Path, options: Options) -> KeyboardInterrupt | None:
    """Run the same here and set both side by side. What fails here takes nothing away from the board's results, nor
    does Ctrl-C, which is returned."""
    host, board = partial / "host", partial / "board"

    def both() -> None:
        note("the host engine runs the same, for comparison")
        ran.host = work.run_here(host)
        if work.folder:
            ran.boxes = work.boxes(host, board, options.tolerance)
        if work.verb == "eval":
            ran.host_map, ran.board_map = work.score(host), work.score(board)

    try:
        _or_note("there is no comparison with the host", both)
    except KeyboardInterrupt as stop:
        return stop
    return None


def _or_note(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (ReportedError, OSError, MemoryError, RuntimeError, ValueError) as fault:
        note(f"{what}: {fault or type(fault).__name__}")


def _failure(code: int, words: list[str], host: str) -> ReportedError:
    """The error that the run ended with, in its own words, with its own exit code."""
    errors = [line.partition("error: ")[2] for line in words if line.startswith("error: ")]
    last = (errors or [line for line in words if line] or [f"exit code {code}"])[-1]
    if code > 128:
        last = f"the program was ended by signal {code - 128}; its last words: {last}"
    fault = ReportedError(f"the run on {host} failed: {last}")
    if code in (UsageError.exit_code, 3, 4, 5):
        fault.exit_code = code
    return fault
