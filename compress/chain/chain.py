"""Runs stages one after the other and remembers what each was given and what it answered (docs/adr/0021)."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from compress.chain.fingerprint import fingerprint, path_hash
from compress.chain.verbs import Verb, all_verbs
from compress.edge import run_edge
from deploy.errors import ReportedError, UsageError
from deploy.whole_file import write_whole

SCHEMA_VERSION = 1
_SUFFIX = {"prune": ".safetensors", "pad": ".onnx"}  # what --out of a verb must end in
_RESULTS = ("best", "weights", "bundle", "onnx", "data", "plan", "out")  # keys of an answer, the main one first


class Chain:
    """A folder with the results of stages, and stages/NAME.json about each.

    Args:
        compress: runs one command line of `python -m compress` and returns its exit code.
        folder: where everything goes.
        redo: do a stage again that was done with other options or inputs, instead of refusing.

    Raises UsageError where several processes were started: a chain starts its own.
    """

    def __init__(self, compress: Callable[[list[str]], int], folder: Path, redo: bool = False) -> None:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UsageError("a chain of stages runs in one process; start torchrun for a single stage instead")
        self._compress = compress
        self._folder = folder
        self._redo = redo
        self._verbs = all_verbs()

    def stage(self, name: str, verb: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do a stage unless it was done with the same options and inputs; returns its answer, the JSON of its verb.

        Under the key "result" the answer has the path of its main result, where there is one. A training that was
        begun with the same options and inputs is resumed. Raises UsageError where others were given than before and
        nothing is to be redone, ReportedError with the verb's exit code when it fails.
        """
        known = self._verbs[verb]
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
            answer: dict[str, Any] = before["answer"]
            return answer
        print(f"\n== {name}", file=sys.stderr)
        _write(record, {"name": name, "given": given, "answer": None, "results": {}})
        began = time.perf_counter()
        answer = self._run(known, {**options, **self._placed(known, name, before is not None and not changed)})
        results = {str(value): path_hash(Path(value)) for value in _files_of(answer)}
        seconds = round(time.perf_counter() - began, 1)
        _write(record, {"name": name, "given": given, "answer": answer, "results": results, "seconds": seconds})
        return answer

    def _placed(self, verb: Verb, name: str, begun: bool) -> dict[str, Any]:
        """The options that say where a stage writes, and whether it goes on with what it has begun."""
        placed: dict[str, Any] = {}
        if {"project", "name"} <= verb.takes:
            runs = self._folder / "runs"
            placed = {"project": str(runs), "name": name}
            if "resume" in verb.takes and begun and (runs / name / "state.pt").is_file():
                placed["resume"] = True
            elif "redo" in verb.takes and self._redo:
                placed["redo"] = True
        elif "out" in verb.takes:
            placed["out"] = str(self._folder / f"{name}{_SUFFIX.get(verb.words[0], '')}")
        return placed

    def _run(self, verb: Verb, options: Mapping[str, Any]) -> dict[str, Any]:
        words = verb.line(options)
        if verb.edge:
            return run_edge(*words)
        print(f"$ python -m compress {' '.join(words)}", file=sys.stderr)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                code = self._compress([*words, "--json"])
        except SystemExit as ended:
            code = int(ended.code or 0)
        if code == 130:
            raise KeyboardInterrupt
        if code:
            failed = ReportedError(f"'{' '.join(verb.words)}' failed (see above), so the chain ends here")
            failed.exit_code = code
            raise failed
        answer: dict[str, Any] = json.loads(printed.getvalue())
        if "out" in options and "out" not in answer:
            answer["out"] = options["out"]
        answer["result"] = _main_result(answer)
        return answer


def _main_result(answer: Mapping[str, Any]) -> str | None:
    found = next((answer[key] for key in _RESULTS if isinstance(answer.get(key), str)), None)
    if found and (Path(found) / "data.yaml").is_file():
        return str(Path(found) / "data.yaml")  # what the stages after it are given of a data set
    return found


def _files_of(answer: Mapping[str, Any]) -> list[str]:
    """The files among an answer's values; folders may be added to by their users."""
    texts = [value for value in answer.values() if isinstance(value, str) and value]
    return sorted({text for text in texts if Path(text).is_file()})


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
        content: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        if content["schema_version"] == SCHEMA_VERSION and {"given", "answer", "results"} <= content.keys():
            return content
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UsageError(f"{record}: is no record of a stage that this version reads; remove it to do the stage again")


def _write(record: Path, content: dict[str, Any]) -> None:
    whole = {"schema_version": SCHEMA_VERSION, "kind": "stage", **content}
    write_whole(record, f"{json.dumps(whole, indent=2)}\n".encode())
