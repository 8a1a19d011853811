"""Protobuf's text format, as far as Triton's ``config.pbtxt`` uses it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeAlias

from saccade.errors import PackageInvalid

#: A field's value: text (also of numbers and words), or a message.
Value: TypeAlias = "str | Message"
#: Every field by name; a field that stands several times has several values.
Message: TypeAlias = "dict[str, list[Value]]"

_PART = re.compile(r"""\s+|\#[^\n]*|(?P<part>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z0-9_.+-]+|[{}\[\]:,;<>])""")
_MAX_DEPTH = 20


def parse_pbtxt(text: str, *, where: str) -> Message:
    """Return the fields of a text message.

    Raises:
        PackageInvalid: The text is not in this format.

    Example:
        >>> parse_pbtxt('output [ { name: "p" label_filename: "l.txt" } ]', where="config.pbtxt")
        {'output': [{'name': ['p'], 'label_filename': ['l.txt']}]}
    """
    try:
        return _Parser(list(_parts(text))).message(end=None, depth=0)
    except (ValueError, SyntaxError, IndexError) as error:
        raise PackageInvalid(f"{where} is not valid protobuf text: {error}.") from error


def _parts(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        match = _PART.match(text, place)
        if match is None:
            raise ValueError(f"unexpected {text[place]!r}")
        if match["part"] is not None:
            yield match["part"]
        place = match.end()


class _Parser:
    """Goes through the parts once."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts
        self._next = 0

    def message(self, *, end: str | None, depth: int) -> Message:
        if depth > _MAX_DEPTH:
            raise ValueError("messages are nested too deep")
        fields: Message = {}
        while self._peek() != end:
            name = self._take()
            if not name[0].isalpha():
                raise ValueError(f"{name!r} is no field")
            if self._peek() == ":":
                self._take()
            fields.setdefault(name, []).extend(self._values(depth))
            while self._peek() in {",", ";"}:
                self._take()
        if end is not None:
            self._take()
        return fields

    def _values(self, depth: int) -> list[Value]:
        if self._peek() != "[":
            return [self._value(depth)]
        self._take()
        values: list[Value] = []
        while self._peek() != "]":
            values.append(self._value(depth))
            if self._peek() == ",":
                self._take()
        self._take()
        return values

    def _value(self, depth: int) -> Value:
        part = self._take()
        if part in {"{", "<"}:
            return self.message(end="}" if part == "{" else ">", depth=depth + 1)
        if part[0] in "\"'":
            return str(ast.literal_eval(part))
        if not (part[0].isalnum() or part[0] in "+-._"):
            raise ValueError(f"{part!r} is no value")
        return part

    def _peek(self) -> str | None:
        return self._parts[self._next] if self._next < len(self._parts) else None

    def _take(self) -> str:
        if self._next >= len(self._parts):
            raise ValueError("it ends too early")
        self._next += 1
        return self._parts[self._next - 1]
