"""The one reader of YAML files: strict, bounded, and as YAML 1.2 reads plain words.

Of YAML 1.1 it leaves out what surprises people: `no` is a word, `010` is not 8, `1:30` is not 90 and 2020-01-01 is no
date. All four stay text. https://yaml.org/spec/1.2.2/#103-core-schema, without octal, hexadecimal and endless numbers.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from compute_mAP.regular_file import MEGABYTE
from compute_mAP.text_file import read_text
from deploy.errors import DataError

LONGEST = MEGABYTE
MOST_NODES = 100_000
"""Of a file with every alias written out: aliases of aliases double with each line."""
_TAG = "tag:yaml.org,2002:"
_LARGEST = 10**18
_KINDS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "seq", "map", "merge"))


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own, which it copies before it adds to it)

    def construct_float(self, node: yaml.ScalarNode) -> float:
        value = float(self.construct_scalar(node))
        if not math.isfinite(value):
            raise _fault(node, f"the number {node.value[:40]} is too large")
        return value

    def construct_int(self, node: yaml.ScalarNode) -> int:
        value = int(self.construct_scalar(node))
        if abs(value) > _LARGEST:
            raise _fault(node, f"the number {node.value[:40]} is too large")
        return value

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError):  # such as !!int "a" and !!bool "maybe"
            raise _fault(node, f"{str(node.value)[:40]!r} is no {node.tag.removeprefix(_TAG)}") from None


_Loader.add_constructor(f"{_TAG}float", _Loader.construct_float)
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_int)
for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"0|-?[1-9][0-9]{0,17}", list("-0123456789")),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), _first)


def read_yaml(path: Path | str, what: str) -> Any:
    """What a YAML file holds: None, text, numbers, booleans, and lists and mappings of these; keys are text or int.

    `what` says in an error what the file is for. Raises DataError for a file that is missing, no regular file, too
    long, not UTF-8 or not YAML, and, with its line, for a tag of another kind, a key that comes twice, text that UTF-8
    cannot write, a number beyond the range of floats, and aliases that make more of it than any such file needs.
    """
    node = compose_yaml(path, what)
    if node is None:
        return None
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as fault:
        raise _reported(path, fault) from None
    except RecursionError:
        raise DataError(f"{path}: not valid YAML: nested too deeply") from None
    finally:
        loader.dispose()


def compose_yaml(path: Path | str, what: str) -> yaml.Node | None:
    """The nodes of a YAML file, which know their lines; None for an empty one. Raises what `read_yaml` raises."""
    text = read_text(Path(path), what, LONGEST)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        except (ValueError, OverflowError):  # "\U00110000" is no character, and %YAML takes no number of any length
            raise yaml.MarkedYAMLError(
                problem="an escape or a version is out of range", problem_mark=loader.get_mark()
            ) from None
        finally:
            loader.dispose()
        if node is not None:
            _size(node, {})
        return node
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        raise DataError(f"{path}: line {line}: not valid YAML: the character {text[fault.position]!r}") from None
    except yaml.YAMLError as fault:
        raise _reported(path, fault) from None
    except RecursionError:
        raise DataError(f"{path}: not valid YAML: nested too deeply") from None


def _reported(path: Path | str, fault: yaml.YAMLError) -> DataError:
    mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
    line = f" line {mark.line + 1}:" if mark else ""
    reason = getattr(fault, "problem", None) or getattr(fault, "context", None) or str(fault).splitlines()[0]
    return DataError(f"{path}:{line} not valid YAML: {reason}")


def _fault(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are with every alias written out; looks each node over on the way."""
    if id(node) in known:
        if not known[id(node)]:
            raise _fault(node, "an alias names the very thing that it is in")
        return known[id(node)]
    known[id(node)] = 0
    if node.tag not in _KINDS:
        raise _fault(node, f"the tag {node.tag[:60]} is none of those for text, numbers, lists and mappings")
    size = 1
    if isinstance(node, yaml.ScalarNode):
        _check_text(node)
    elif isinstance(node, yaml.MappingNode):
        _check_keys(node)
        size += sum(_size(key, known) + _size(value, known) for key, value in node.value)
    else:
        size += sum(_size(entry, known) for entry in node.value)
    if size > MOST_NODES:
        raise _fault(node, f"with its aliases written out this holds more than {MOST_NODES} values")
    known[id(node)] = size
    return size


def _check_text(node: yaml.ScalarNode) -> None:
    try:
        node.value.encode("utf-8")
    except UnicodeEncodeError:
        raise _fault(node, "the text holds half a surrogate pair") from None


def _check_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in (f"{_TAG}str", f"{_TAG}int", f"{_TAG}merge"):
            raise _fault(key, f"a key is {str(key.value)[:40]!r}; expected text (put it in quotes) or a whole number")
        if (key.tag, key.value) in seen:
            raise _fault(key, f"the key '{key.value[:40]}' comes twice")
        seen.add((key.tag, key.value))
