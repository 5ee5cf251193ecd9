"""`push`: check the board, copy what changed, switch, run it there, and compare with this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.board import results
from deploy.board.compare import Tolerance
from deploy.board.contents import cann_of, chip_of, release_items
from deploy.board.courier import Courier
from deploy.board.doctor import Examined, Wanted, lines
from deploy.board.link import Link
from deploy.board.report import Pushed, Ran
from deploy.board.text import cleaned
from deploy.board.work import Settings, Work
from deploy.bundle import open_bundle
from deploy.console import note
from deploy.errors import EnvironmentFault, ReportedError, UsageError
from deploy.results.folder import result_folder
from deploy.run.foreign_code import check_code
from deploy.run.pipeline_file import PipelineFile
from deploy.run.target import DEMO

REPORT = "push.json"
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
    with Courier(options.host, options.ssh_options, options.wanted) as courier:
        examined = courier.examine(chip_of(bundle), cann_of(bundle))
        for line in lines(examined.findings):
            print(line, file=sys.stderr)
        if options.force and examined.faults:
            note("going on in spite of these faults, as --force says")
        else:
            examined.check()
        courier.open()
        release, previous, same = courier.release(items)
        note(f"{options.host} {'has' if same else 'now has'} the release {release}")
        pushed = Pushed(options.host, release, previous, same, examined.findings, courier.copied)
        if work is None:
            return pushed
        courier.images(work.material.items)
        with result_folder(options.out.absolute()) as partial:
            ran = _run(courier.link, work, examined, options, partial / "board")
            courier.link.close()
            if options.compare:
                _compare(work, ran, partial, options)
            pushed.ran = ran
            ran.out = options.out.absolute()
            text = json.dumps(pushed.to_json(), indent=1, ensure_ascii=False) + "\n"
            (partial / REPORT).write_text(text, encoding="utf-8")
    return pushed


def rollback(host: str, ssh_options: Sequence[str], wanted: Wanted) -> Pushed:
    """Switch the board back to the release before. Raises EnvironmentFault where there is none."""
    with Link(host, ssh_options) as link:
        link.ask("open", root=wanted.folder)
        answer = link.ask("rollback")
    release, previous = (cleaned(answer.get(key), 40) for key in ("release", "previous"))
    return Pushed(host, release, previous, False, [], None, rolled_back=True)


def _run(link: Link, work: Work, examined: Examined, options: Options, board: Path) -> Ran:
    """Run on the board, passing on what it says, and bring back what it leaves."""
    pipeline = work.pipeline_on_board(examined.facts.sdk_version)
    if pipeline:
        note(f"the board runs {pipeline}")
    link.tell(
        "run",
        verb=work.verb,
        arguments=work.arguments_on_board(),
        view=[[item.path, item.sha256] for item in work.material.items],
        env=list(examined.facts.env),
        python=options.wanted.python,
        pipeline=pipeline,
    )
    words = []
    while (message := link.event())["event"] == "line":
        words.append(cleaned(message.get("text")))
        print(f"board: {words[-1]}", file=sys.stderr, flush=True)
    code, stdout, seconds = message.get("code"), message.get("stdout"), message.get("seconds")
    if type(code) is not int or not isinstance(stdout, str) or not isinstance(seconds, (int, float)):
        raise EnvironmentFault(f"{options.host} answers with something else than the end of a run")
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


def _compare(work: Work, ran: Ran, partial: Path, options: Options) -> None:
    """Run the same here and set both side by side. What fails here takes nothing away from the board's results."""
    host, board = partial / "host", partial / "board"

    def both() -> None:
        note("the host engine runs the same, for comparison")
        ran.host = work.run_here(host)
        if work.folder:
            ran.boxes = work.boxes(host, board, options.tolerance)
        if work.verb == "eval":
            ran.host_map, ran.board_map = work.score(host), work.score(board)

    _or_note("there is no comparison with the host", both)


def _or_note(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except ReportedError as fault:
        note(f"{what}: {fault}")


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
