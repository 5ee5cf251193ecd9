"""How a verb's answer and its sentences are printed: the same for all of them."""

from __future__ import annotations

import json
import sys

from compress.verb import Answer


def print_answer(answer: Answer, as_json: bool) -> None:
    """The result as one JSON object, or the text; raises the fault that the answer carries."""
    print(json.dumps({"schema_version": 1, **answer.result}) if as_json else answer.text, flush=True)
    if answer.fault:
        raise answer.fault


def say(sentence: str) -> None:
    """A sentence for the user while a stage runs."""
    print(sentence, file=sys.stderr)
