"""Findings about what a user wrote: data, never exceptions.

Imports nothing of ours. Rendered as text, JSON or GitHub annotations by the CLI.
"""

import bisect
import difflib
import functools
from collections.abc import Iterable
from enum import StrEnum

import msgspec

NEIGHBOURS = 40  # how many of many words are compared


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Span(msgspec.Struct, frozen=True, order=True):
    """A place in a file; line and column count from 1, end_column is exclusive."""

    file: str = ""
    line: int = 1
    column: int = 1
    end_column: int = 0


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding: what is wrong (`text`) and what to write instead (`hint`)."""

    code: str
    severity: Severity
    text: str
    span: Span
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.span.file}:{self.span.line}:{self.span.column}"
        tail = f"; {self.hint}" if self.hint else ""
        return f"{place}: {self.severity}[{self.code}] {self.text}{tail}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or ''."""
    return _nearest(word, frozenset(known))


@functools.lru_cache(4096)
def _nearest(word: str, known: frozenset[str]) -> str:
    words = sorted(known) if len(known) <= 2 * NEIGHBOURS else _neighbours(word, known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return near[0] if near else ""


def _neighbours(word: str, known: frozenset[str]) -> list[str]:
    """Of thousands of words, those that begin or end like this one: a site with a thousand unknown
    names is answered in seconds, too."""
    forward, backward = _orders(known)
    half = NEIGHBOURS // 2
    at, mirrored = bisect.bisect(forward, word), bisect.bisect(backward, word[::-1])
    begin = forward[max(at - half, 0) : at + half]
    end = [each[::-1] for each in backward[max(mirrored - half, 0) : mirrored + half]]
    return sorted({*begin, *end})


@functools.lru_cache(16)
def _orders(known: frozenset[str]) -> tuple[list[str], list[str]]:
    return sorted(known), sorted(word[::-1] for word in known)
