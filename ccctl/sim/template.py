"""Substitution of `${...}` and `$[...]`, compiled once per line.

A template is text, pieces that are looked up, or both. What stands inside of braces and has no
substitution of its own is parsed here; the rest has to be parsed in the call, as Asterisk does.
"""

import functools
import re
from collections.abc import Callable
from typing import Protocol

from ccctl.sim.expression import evaluate
from ccctl.sim.text import substring

MAX_DATA = 8191  # bytes of an application's arguments
MAX_VALUE = 4095  # bytes of one value, and of what stands inside of braces
MAX_DEPTH = 15


class Scope(Protocol):
    """A channel, as far as substitution is concerned. Texts hold one byte per character."""

    def variable(self, name: str) -> str | None: ...

    def function(self, name: str, arguments: str | None) -> str | None: ...


Piece = Callable[[Scope], str]
_SLICE = re.compile(r"[ \t\n]*([+-]?[0-9]+)(?::[ \t\n]*([+-]?[0-9]+))?")


class Template:
    """`constant` is set when there is nothing to substitute."""

    __slots__ = ("constant", "limit", "pieces")

    def __init__(self, pieces: list[str | Piece], limit: int) -> None:
        whole = not any(callable(piece) for piece in pieces)
        self.constant = "".join(map(str, pieces))[:limit] if whole else None
        self.pieces = pieces
        self.limit = limit

    def expand(self, scope: Scope) -> str:
        if self.constant is not None:
            return self.constant
        text = "".join([piece if isinstance(piece, str) else piece(scope) for piece in self.pieces])
        return text if len(text) <= self.limit else text[: self.limit]


@functools.lru_cache(maxsize=200_000)
def template(text: str, limit: int = MAX_DATA, depth: int = 0) -> Template:
    pieces: list[str | Piece] = []
    at = 0
    while at < len(text) and depth < MAX_DEPTH:
        dollar = text.find("$", at)
        kind = text[dollar + 1 : dollar + 2] if dollar >= 0 else ""
        if kind not in ("{", "["):
            end = len(text) if dollar < 0 else dollar + 1
            pieces.append(text[at:end])
            at = end
            continue
        pieces.append(text[at:dollar])
        end, nested = _closing(text, dollar + 2, kind)
        content = text[dollar + 2 : end][:MAX_VALUE]
        make = _braces if kind == "{" else _expression
        pieces.append(make(content, nested, depth + 1))
        at = end + 1
    return Template([piece for piece in pieces if piece != ""], limit)


def _closing(text: str, at: int, kind: str) -> tuple[int, bool]:
    """Where the bracket opened before `at` closes, and whether there is a substitution in it."""
    close, other = ("}", "[") if kind == "{" else ("]", "{")
    depth, nested = 1, False
    while at < len(text):
        char = text[at]
        if char == "$" and text[at + 1 : at + 2] in (kind, other):
            nested = True
            depth += text[at + 1] == kind
            at += 1
        elif char == kind:
            depth += 1
        elif char == close:
            depth -= 1
            if not depth:
                return at, nested
        at += 1
    return len(text), nested


def _expression(content: str, nested: bool, depth: int) -> Piece:
    if not nested and "(" not in content:
        constant = evaluate(content)
        return lambda scope: constant
    inside = template(content, MAX_VALUE, depth)
    return lambda scope: evaluate(inside.expand(scope), _reader(scope))


def _reader(scope: Scope) -> Callable[[str, str], str]:
    return lambda name, arguments: (scope.function(name, arguments) or "")[:511]


def _braces(content: str, nested: bool, depth: int) -> Piece:
    if nested:
        inside = template(content, MAX_VALUE, depth)
        return lambda scope: read(scope, inside.expand(scope))
    name, offset, length = _parts(content)
    if "(" in name:
        return lambda scope: read(scope, content)
    if offset == 0 and length is None:
        return lambda scope: (scope.variable(name) or "")[:MAX_VALUE]
    return lambda scope: substring((scope.variable(name) or "")[:MAX_VALUE], offset, length)


def read(scope: Scope, content: str) -> str:
    """The value of `${content}`: a variable or a function, whole or a part of it."""
    name, offset, length = _parts(content) if ":" in content else (content, 0, None)
    if "(" in name:
        function, arguments = function_call(name)
        value = scope.function(function, arguments)
    else:
        value = scope.variable(name)
    if not value:
        return ""
    value = value[:MAX_VALUE]
    return value if offset == 0 and length is None else substring(value, offset, length)


def function_call(text: str) -> tuple[str, str | None]:
    """`NAME(arguments)`: up to the first and the last parenthesis."""
    name, opened, rest = text.partition("(")
    if not opened:
        return name, None
    end = rest.rfind(")")
    return name, rest if end < 0 else rest[:end]


def _parts(content: str) -> tuple[str, int, int | None]:
    """`name:offset:length`; a colon inside of parentheses is part of the name."""
    depth = 0
    for at, char in enumerate(content):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == ":" and depth == 0:
            found = _SLICE.match(content[at + 1 :])
            offset = int(found.group(1)) if found else 0
            length = int(found.group(2)) if found and found.group(2) else None
            return content[:at], offset, length
    return content, 0, None
