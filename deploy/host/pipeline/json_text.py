"""JSON that remembers the line of everything, and every one of several equal keys.

As strict as the SDK's own parser (nlohmann::json): no comments, no trailing commas, no NaN, only whole UTF-8; a byte
order mark at the start is skipped. Where a key comes twice, the last one counts, as there.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_DEPTH = 64  # no file of the SDK nests deeper than 5
_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_MOST_DIGITS = 400  # more than any number has that a double can hold


class JsonFault(ValueError):
    """The text is not JSON: `line` and `column` (both from 1) and what was expected there."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.line = line
        self.column = column
        self.reason = reason


class Member(NamedTuple):
    """One key of an object and its value."""

    key: str
    line: int
    node: Node


@dataclass(frozen=True)
class Node:
    """A value and the line it begins in; `members` of an object and `items` of a list are in the file's order."""

    line: int
    value: Any = None
    members: tuple[Member, ...] | None = None
    items: tuple[Node, ...] | None = None

    def plain(self) -> Any:
        """The value as json.loads gives it."""
        if self.members is not None:
            return {member.key: member.node.plain() for member in self.members}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.value

    def last(self) -> dict[str, Member]:
        """The members of an object by key, of equal keys the last one."""
        return {member.key: member for member in self.members or ()}

    def repeated(self) -> Iterator[tuple[Member, Member]]:
        """(earlier, later) for each key of an object that comes again."""
        seen: dict[str, Member] = {}
        for member in self.members or ():
            if member.key in seen:
                yield seen[member.key], member
            seen[member.key] = member

    @property
    def kind(self) -> str:
        """What kind of value it is, in words."""
        if self.members is not None:
            return "an object"
        if self.items is not None:
            return "a list"
        for kind, word in ((bool, "a boolean"), (str, "a string"), (type(None), "null")):
            if isinstance(self.value, kind):
                return word
        return "a number"


def parse_json(text: str | bytes) -> Node:
    """Raises JsonFault for anything that is not one JSON value."""
    return _Reader(text if isinstance(text, str) else _decoded(text)).document()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        column = len(before) - before.rfind("\n")
        raise JsonFault(before.count("\n") + 1, column, f"the byte 0x{data[error.start]:02x} is not UTF-8") from None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 1 if text.startswith("\ufeff") else 0
        self._lines = [match.end() for match in re.finditer("\n", text)]

    def document(self) -> Node:
        node = self._value(0)
        self._skip()
        if self._at < len(self._text):
            raise self._fault(f"expected the end of the text, found {self._found()}")
        return node

    def _value(self, depth: int) -> Node:
        self._skip()
        line = self._line(self._at)
        if depth > MAX_DEPTH:
            raise self._fault(f"nested deeper than {MAX_DEPTH} levels")
        char = self._text[self._at : self._at + 1]
        if char == "{":
            return Node(line, members=tuple(self._members(depth)))
        if char == "[":
            return Node(line, items=tuple(self._items(depth)))
        if char == '"':
            return Node(line, self._string())
        for word, value in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return Node(line, value)
        return Node(line, self._number())

    def _members(self, depth: int) -> Iterator[Member]:
        self._at += 1
        self._skip()
        if self._take("}"):
            return
        while True:
            self._skip()
            line = self._line(self._at)
            if self._text[self._at : self._at + 1] != '"':
                raise self._fault(f"expected a key in double quotes, found {self._found()}")
            key = self._string()
            self._skip()
            if not self._take(":"):
                raise self._fault(f'expected ":" after the key "{key}", found {self._found()}')
            yield Member(key, line, self._value(depth + 1))
            self._skip()
            if self._take("}"):
                return
            if not self._take(","):
                raise self._fault(f'expected "," or "}}", found {self._found()}')

    def _items(self, depth: int) -> Iterator[Node]:
        self._at += 1
        self._skip()
        if self._take("]"):
            return
        while True:
            yield self._value(depth + 1)
            self._skip()
            if self._take("]"):
                return
            if not self._take(","):
                raise self._fault(f'expected "," or "]", found {self._found()}')

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self._fault("this string has no end in its line, a control character or a wrong escape")
        value: str = json.loads(match.group())
        if re.search("[\ud800-\udfff]", value):
            raise self._fault("this string holds half a surrogate pair")
        self._at = match.end()
        return value

    def _number(self) -> int | float:
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            raise self._fault(f"expected a value, found {self._found()}")
        digits = match.group()
        whole = not match.group(1) and not match.group(2) and len(digits) < _MOST_DIGITS
        value = int(digits) if whole else float(digits)
        if not whole and math.isinf(value):
            raise self._fault("this number is beyond a double")
        self._at = match.end()
        return value

    def _skip(self) -> None:
        match = _BLANK.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _take(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += 1
            return True
        return False

    def _line(self, at: int) -> int:
        return bisect_right(self._lines, at) + 1

    def _found(self) -> str:
        rest = self._text[self._at : self._at + 12].split("\n", 1)[0]
        return repr(rest) if rest else "the end of the text" if self._at >= len(self._text) else "the end of the line"

    def _fault(self, reason: str) -> JsonFault:
        line = self._line(self._at)
        start = self._lines[line - 2] if line > 1 else 0
        return JsonFault(line, self._at - start + 1, reason)
