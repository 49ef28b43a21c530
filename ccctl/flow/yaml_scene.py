"""The surroundings of a place where YAML's reader gave up: lines, quotes, brackets, levels of indentation.

Rows and columns count from 0, as the reader's do.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

CLOSER = {"[": "]", "{": "}"}
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"
KEY = re.compile(
    rf"(?P<word>{_QUOTED}|[^\s\"'\[\]{{}},#&*!|>%@`-][^\s#]*?|-[^\s:]+)\s*:(?:\s+(?P<value>.*))?$"
)
ITEM = re.compile(r"-(\s+|$)")
COMMENT = re.compile(r"(^|\s)#.*$")


class Place(msgspec.Struct, frozen=True, order=True):
    row: int
    column: int


class Token(msgspec.Struct, frozen=True):
    """`kind`: ", ' (quoted), | (block), plain, or a bracket."""

    kind: str
    start: Place
    end: Place


class Level(msgspec.Struct, frozen=True):
    """A key or an item that lines may be aligned with. `word` is the key as written, or what follows the -;
    `value` what stands behind the key in its line."""

    row: int
    column: int
    word: str
    value: str = ""
    item: bool = False


class Scene(msgspec.Struct, frozen=True):
    """`at` is where the reader gave up, `since` where that began which it could not end."""

    file: str
    lines: tuple[str, ...]
    tokens: tuple[Token, ...]
    problem: str
    at: Place
    since: Place | None = None

    def line(self, row: int) -> str:
        return self.lines[row] if 0 <= row < len(self.lines) else ""

    @property
    def char(self) -> str:
        """That stands there; '' at the end of a line."""
        return self.line(self.at.row)[self.at.column : self.at.column + 1]

    @property
    def rest(self) -> str:
        return self.line(self.at.row)[self.at.column :].strip()

    @property
    def begins_line(self) -> bool:
        return self.at.column == indent(self.line(self.at.row)) and bool(self.char)

    def before(self, *kinds: str) -> Token | None:
        """The token of these kinds that ends right before the place, in its line."""
        line = self.line(self.at.row)
        near = [t for t in self.tokens if t.end.row == self.at.row and t.end <= self.at and t.kind in kinds]
        gap = line[near[-1].end.column : self.at.column] if near else ""
        return near[-1] if near and not gap.strip() else None

    def content_above(self, row: int) -> int:
        """The nearest row above that says something; -1 when there is none."""
        return next((above for above in range(row - 1, -1, -1) if content(self.line(above))), -1)

    def open_brackets(self) -> list[Token]:
        """Those that are open at the place, the innermost last."""
        found: list[Token] = []
        for token in self.tokens:
            if token.start >= self.at:
                break
            if token.kind in CLOSER:
                found.append(token)
            elif found and token.kind in CLOSER.values():
                found.pop()
        return found

    def levels(self, upto: int) -> list[Level]:
        """Of the lines above row `upto`: what another line may be aligned with, the innermost last."""
        inside = self._inside()
        stack: list[Level] = []
        for row in range(min(upto, len(self.lines))):
            if row not in inside:
                for level in _levels(row, self.lines[row]):
                    stack = [each for each in stack if each.column < level.column or _is_above(each, level)]
                    stack.append(level)
        return stack

    def _inside(self) -> set[int]:
        """Rows that go on with a text or a bracket of the row before."""
        rows: set[int] = set()
        depth, start = 0, 0
        for token in self.tokens:
            if token.start >= self.at:
                break
            if token.kind in CLOSER:
                start = start if depth else token.start.row
                depth += 1
            elif token.kind in CLOSER.values() and depth:
                depth -= 1
                rows.update(range(start + 1, token.end.row + 1) if not depth else ())
            elif token.kind == "|":
                rows.update(range(token.start.row + 1, token.end.row + (token.end.column > 0)))
            elif not depth:
                rows.update(range(token.start.row + 1, token.end.row + 1))
        return rows


def scene(error: yaml.MarkedYAMLError, text: str, file: str, loader: Any) -> Scene | None:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return None
    began = error.context_mark
    since = Place(began.line, began.column) if began else None
    problem = error.problem or "not YAML"
    lines = tuple(text.splitlines())
    return Scene(file, lines, tuple(_tokens(text, loader)), problem, Place(mark.line, mark.column), since)


def _tokens(text: str, loader: Any) -> Iterator[Token]:
    """As far as they can be told apart."""
    try:
        for token in yaml.scan(text, Loader=loader):
            kind = _KINDS.get(type(token)) or (_style(token) if isinstance(token, yaml.ScalarToken) else "")
            start, end = token.start_mark, token.end_mark
            if kind and start and end:
                yield Token(kind, Place(start.line, start.column), Place(end.line, end.column))
    except (yaml.YAMLError, ValueError):
        return


def _style(token: yaml.ScalarToken) -> str:
    return {'"': '"', "'": "'", "|": "|", ">": "|"}.get(token.style or "", "plain")


_KINDS: dict[type, str] = {
    yaml.FlowSequenceStartToken: "[",
    yaml.FlowSequenceEndToken: "]",
    yaml.FlowMappingStartToken: "{",
    yaml.FlowMappingEndToken: "}",
}


# -- lines -----------------------------------------------------------------------------------------


def indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def content(line: str) -> str:
    """Without indentation and comment; '' for a line that says nothing."""
    return COMMENT.sub("", line).strip()


def key_of(line: str) -> re.Match[str] | None:
    """The key that a line's content is or begins with."""
    return KEY.match(content(line))


def after_dashes(line: str) -> tuple[int, str]:
    """Column and content behind the dashes of a line: 4, "play: x" of "  - play: x"."""
    column, text = indent(line), content(line)
    while match := ITEM.match(text):
        column, text = column + match.end(), text[match.end() :]
    return column, text


def _levels(row: int, line: str) -> Iterator[Level]:
    column, text = indent(line), content(line)
    while match := ITEM.match(text):
        text = text[match.end() :]
        yield Level(row, column, text, item=True)
        column += match.end()
    if found := KEY.match(text):
        yield Level(row, column, found["word"], (found["value"] or "").strip())


def _is_above(each: Level, level: Level) -> bool:
    """A list may stand at the column of its own key."""
    return each.column == level.column and level.item and not each.item
