"""Runs stages one after the other and remembers what each was given and what it answered (docs/adr/0021)."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from compress.chain.fingerprint import fingerprint, path_hash
from compress.chain.placement import kept_inside, placed_options
from compress.chain.ranks import Ranks, ranks
from compress.chain.verbs import command_line, settings_of
from compress.edge import run_edge
from compress.failure import report_failure
from compress.verb import Verb
from compute_mAP.regular_file import read_bounded
from deploy.errors import ReportedError, UsageError
from deploy.results.ours import Maker, check_replaceable
from deploy.strict_json import strict_json
from deploy.whole_file import write_whole

SCHEMA_VERSION = 1
_RESULTS = ("best", "weights", "bundle", "onnx", "data", "plan", "out")  # keys of an answer, the main one first


def _is_chain(folder: Path) -> bool:
    return any(_is_record(file) for file in (folder / "stages").glob("*.json"))


_MAKER = Maker("chain", "folder of a recipe or of rounds", (), _is_chain, marks=False, option="")


class Chain:
    """A folder with the results of stages, and stages/NAME.json about each.

    Args:
        verbs: those that stages can be, by name.
        folder: where everything goes.
        redo: do a stage again that was done with other options or inputs, instead of refusing.

    Raises UsageError where several processes were started and this one does not lead the others (see ranks.py),
    and where `folder` holds something that is no chain, among which results would be lost, or which they would replace.
    """

    def __init__(self, verbs: Mapping[str, Verb], folder: Path, redo: bool = False) -> None:
        self._ranks = ranks()
        check_replaceable(folder.absolute(), _MAKER)
        self._verbs = verbs
        self._folder = folder
        self._redo = redo

    def stage(self, name: str, verb: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do a stage unless it was done with the same options and inputs; returns its answer, the JSON of its verb.

        Under the key "result" the answer has the path of its main result, where there is one. A training that was
        begun with the same options and inputs is resumed. Raises UsageError where others were given than before and
        nothing is to be redone, ReportedError with the verb's exit code when it fails.
        """
        inside = kept_inside(options, self._folder, name)
        record = self._folder / "stages" / f"{name}.json"
        given = {"verb": verb, **fingerprint(options)}
        before = _read(record)
        changed = _changed(before, given)
        if changed and not self._redo:
            raise UsageError(
                f"{record}: the stage '{name}' was given {changed} before; --redo does it again, and what follows"
            )
        if before and not changed and before["answer"] is not None and _still_there(before["results"]):
            print(f"== {name}: done already", file=sys.stderr)
            done: dict[str, Any] = before["answer"]
            return done
        print(f"\n== {name}", file=sys.stderr)
        _write(record, {"name": name, "given": given, "answer": None, "results": {}})
        begun = before is not None and not changed
        placed = placed_options(self._verbs[verb], options, self._folder, name, begun, self._redo)
        began = time.perf_counter()
        answer = _run(self._verbs[verb], {**options, **inside, **placed}, self._ranks)
        results = {str(value): path_hash(Path(value)) for value in _files_of(answer)}
        _write(record, {"name": name, "given": given, "answer": answer, "results": results})
        # the record is that of an unbroken run, however often it was broken; the time is not
        print(f"{name} took {time.perf_counter() - began:.1f} s", file=sys.stderr)
        return answer


def _run(verb: Verb, options: Mapping[str, Any], others: Ranks | None) -> dict[str, Any]:
    """Do what the verb does; returns its answer as JSON has it."""
    words = command_line(verb, options)
    if verb.run is None:
        return run_edge(*words)
    print(f"$ python -m compress {' '.join(words)}", file=sys.stderr)
    try:
        with others.together(verb, options) if others and verb.together else nullcontext():
            found = verb.run(settings_of(verb, options))
        assert found, "the first process has the answer"
        if found.fault:
            raise found.fault
    except Exception as error:
        failed = ReportedError(f"'{verb.name}' failed (see above), so the chain ends here")
        failed.exit_code = report_failure(error)
        raise failed from None
    answer: dict[str, Any] = json.loads(json.dumps({"schema_version": SCHEMA_VERSION, **found.result}))
    if "out" in options:
        answer.setdefault("out", options["out"])
    answer["result"] = _main_result(answer)
    return answer


def _main_result(answer: Mapping[str, Any]) -> str | None:
    found = next((answer[key] for key in _RESULTS if isinstance(answer.get(key), str)), None)
    if found and (Path(found) / "data.yaml").is_file():
        return str(Path(found) / "data.yaml")  # what the stages after it are given of a data set
    return found


def _files_of(answer: Mapping[str, Any]) -> list[str]:
    """The files among an answer's values; folders may be added to by their users."""
    # os.path.isfile: a sentence is too long for a path, and that is no error here
    texts = [value for value in answer.values() if isinstance(value, str) and value]
    return sorted({text for text in texts if os.path.isfile(text)})  # noqa: PTH113


def _still_there(results: Mapping[str, str]) -> bool:
    return all(Path(file).is_file() and path_hash(Path(file)) == was for file, was in results.items())


def _changed(before: dict[str, Any] | None, given: Mapping[str, Any]) -> str:
    """What is different from before, in words, or ""."""
    was = before["given"] if before else given
    for key in [*given, *was]:
        if was.get(key) != given.get(key):
            short = [str(value.get(key, "nothing"))[:24] for value in (was, given)]
            return f"'{key}' {short[0]} and now {short[1]}"
    return ""


def _read(record: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = strict_json(read_bounded(record))
        if content["schema_version"] == SCHEMA_VERSION and {"given", "answer", "results"} <= content.keys():
            return content
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UsageError(f"{record}: is no record of a stage that this version reads; remove it to do the stage again")


def _is_record(file: Path) -> bool:
    try:
        return _read(file) is not None
    except (UsageError, OSError):
        return False


def _write(record: Path, content: dict[str, Any]) -> None:
    whole = {"schema_version": SCHEMA_VERSION, "kind": "stage", **content}
    write_whole(record, f"{json.dumps(whole, indent=2)}\n".encode())
